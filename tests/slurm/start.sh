#!/usr/bin/env bash
# Start a cluster of one node, with accounting and a GPU in name: start.sh <run folder>
# As root, without systemd. All its state lies in the run folder; only its configuration must lie in
# /etc/slurm, because Snakemake's job step drops SLURM_CONF. stop.sh takes everything down again.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
run=$(readlink -f "${1:?usage: start.sh <run folder>}")
host=$(hostname -s)
cpus=$(env -u OMP_NUM_THREADS nproc) # nproc answers with OMP_NUM_THREADS, which is 1 here
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
PATH=$PATH:/usr/sbin:/sbin
unset SLURM_CONF

# Wait up to 30 s until a command succeeds; else show what it said, the end of a log, and give up.
until_up() {
  local name=$1 log=$2 answer last=$((SECONDS + 30))
  shift 2
  while [ $SECONDS -lt $last ]; do
    if answer=$("$@" 2>&1); then
      echo "  $name is up"
      return
    fi
    sleep 0.1
  done
  printf '%s did not come up within 30 s: %s\nthe end of %s:\n' "$name" "$answer" "$log" >&2
  tail -n 20 "$log" >&2
  return 1
}

# Name the cgroup plugin that can confine jobs here, or nothing.
confinement() {
  local probe
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    probe=/sys/fs/cgroup/radfoundry_probe
    mkdir $probe 2>/dev/null && rmdir $probe && echo cgroup/v2
  else
    for probe in /sys/fs/cgroup/{freezer,cpuset,memory}/radfoundry_probe; do
      mkdir "$probe" 2>/dev/null && rmdir "$probe" || return
    done
    echo cgroup/v1
  fi
}

# Fill the place holders of a template and put it where Slurm looks.
configure() {
  sed -e "s|@RUN@|$run|g" -e "s|@HOST@|$host|g" -e "s|@CPUS@|$cpus|g" \
    -e "s|@MEMORY@|$memory_mb|g" -e "s|@PROCTRACK@|$proctrack|g" -e "s|@TASK@|$task|g" \
    -e "s|@CGROUP@|$cgroup|g" -e "s|@CGROUP_MORE@|$cgroup_more|g" \
    -e "s|@PASSWORD@|$password|g" "$here/etc/$1" >"$run/$1"
  install -m "$2" "$run/$1" "/etc/slurm/$1"
}

cgroup=$(confinement || true)
cgroup_more=""
proctrack=proctrack/cgroup
task=task/cgroup
case $cgroup in
cgroup/v1) ;;
cgroup/v2) cgroup_more="IgnoreSystemd=yes" ;; # the plugin would ask systemd for a scope
*)
  echo "  no writable cgroups: memory limits are not enforced in this run"
  cgroup=autodetect proctrack=proctrack/linuxproc task=task/none
  ;;
esac
memory_mb=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)

mkdir -p "$run"/{state,spool,munge,mysql} /etc/slurm
chmod 0755 "$run" "$run/munge"
for file in slurm.conf gres.conf cgroup.conf; do configure $file 0644; done
configure slurmdbd.conf 0600

mungekey --create --keyfile "$run/munge/key" >/dev/null
chown -R munge:munge "$run/munge"
setpriv --reuid=munge --regid=munge --clear-groups munged --socket="$run/munge/socket" \
  --key-file="$run/munge/key" --seed-file="$run/munge/seed" --pid-file="$run/munge/pid" \
  --log-file="$run/munge/log"
until_up munged "$run/munge/log" munge --no-input --socket="$run/munge/socket"

chown mysql:mysql "$run/mysql"
mariadb-install-db --no-defaults --user=mysql --datadir="$run/mysql" --skip-test-db \
  >"$run/mariadb.log" 2>&1
nohup mariadbd --no-defaults --user=mysql --datadir="$run/mysql" --socket="$run/mysql/socket" \
  --pid-file="$run/mysql/pid" --bind-address=127.0.0.1 --port=26816 --skip-name-resolve \
  --innodb-buffer-pool-size=128M --innodb-lock-wait-timeout=900 \
  >>"$run/mariadb.log" 2>&1 </dev/null &
until_up mariadb "$run/mariadb.log" mariadb-admin --no-defaults --socket="$run/mysql/socket" ping
mariadb --no-defaults --socket="$run/mysql/socket" <<SQL
CREATE DATABASE slurm_acct_db;
CREATE USER slurm@127.0.0.1 IDENTIFIED BY '$password';
GRANT ALL ON slurm_acct_db.* TO slurm@127.0.0.1;
SQL

slurmdbd
until_up slurmdbd "$run/slurmdbd.log" sacctmgr -n show cluster
sacctmgr -Qi add cluster radfoundry >/dev/null
sacctmgr -Qi add account research Cluster=radfoundry >/dev/null
sacctmgr -Qi add user root Account=research Cluster=radfoundry >/dev/null || true # root may be there

is_answering() { scontrol ping | grep -q UP; }
is_idle() { sinfo -h -o %t -p cpu | grep -q idle; }
slurmctld
until_up slurmctld "$run/slurmctld.log" is_answering
slurmd
until_up slurmd "$run/slurmd.log" is_idle
