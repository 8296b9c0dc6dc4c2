#!/usr/bin/env bash
# Stop, by their pid files, the daemons that start.sh started, and remove its configuration: stop.sh <run folder>
set -uo pipefail

run=${1:?usage: stop.sh <run folder>}
PATH=$PATH:/usr/sbin:/sbin

is_ours() { grep -qs "^# radfoundry test cluster in $run :" /etc/slurm/slurm.conf; }

# End one daemon and wait for it; the name guards against a pid that now belongs to another.
stop() {
  local name=$1 pid _
  pid=$(cat "$2" 2>/dev/null) || return 0
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$name" ] || return 0
  kill "$pid" 2>/dev/null
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null
}

if is_ours; then timeout 10 scancel --user=root 2>/dev/null; fi
for _ in $(seq 20); do
  is_ours && timeout 5 squeue -h 2>/dev/null | grep -q . || break
  sleep 0.5
done
stop slurmd "$run/slurmd.pid"
stop slurmctld "$run/slurmctld.pid"
stop slurmdbd "$run/slurmdbd.pid"
stop mariadbd "$run/mysql/pid"
stop munged "$run/munge/pid"

# A dead controller's configuration would make every later snakemake call wait for it.
if is_ours; then rm -f /etc/slurm/{slurm,gres,cgroup,slurmdbd}.conf; fi
find /sys/fs/cgroup -depth -type d -path '*/slurm*' -exec rmdir {} + 2>/dev/null
rm -rf "$run/mysql"
exit 0
