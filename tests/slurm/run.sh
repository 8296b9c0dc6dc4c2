#!/usr/bin/env bash
# Run `snakemake --profile slurm all`, literally, on a real Slurm of one node, and take it down again.
#
#   tests/slurm/run.sh        (as root on Debian; `make test-slurm` calls it)
#
# The tree is copied to a fresh folder, so that a run of yours is left alone; there, config.yaml is
# the small one of tests/factory.py, and three waiting times of the profile are shortened by sed, because
# jobs of seconds are tested with a profile for jobs of minutes. The last line says PASS or FAIL.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
root=$(readlink -f "$here/../..")
limit_s=${SLURM_TEST_LIMIT_S:-2400}
run="" watcher="" controller="" outcome=FAIL
PATH=$root/.venv/bin:$PATH:/usr/sbin:/sbin

say() { printf '\n== %s\n' "$*"; }
refuse() {
  echo "refused: $*" >&2
  exit 1
}

finish() {
  local status=$?
  trap - EXIT
  trap '' INT TERM HUP PIPE # nothing keeps the cluster from being taken down, not even a closed pipe
  set +e
  if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null; fi
  if [ -n "$controller" ]; then kill -KILL -- "-$controller" 2>/dev/null; fi
  if [ -n "$run" ]; then
    say "taking the cluster down"
    bash "$here/stop.sh" "$run"
    if [ $outcome = PASS ]; then rm -rf "$run"; else echo "what is left to read: $run"; fi
  fi
  echo $outcome
  [ $outcome = PASS ] || [ $status -ne 0 ] || status=1
  exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM HUP PIPE

# Refuse wherever something that is not ours could be touched.
guard() {
  local conf=/etc/slurm/slurm.conf left name
  [ "$(id -u)" = 0 ] || refuse "starting Slurm's daemons needs root"
  command -v snakemake >/dev/null || refuse "no snakemake: run \`make env\` first"
  [ -z "${SLURM_JOB_ID:-}" ] || refuse "this shell is itself a job of a cluster"
  exec 9>/var/lock/radfoundry-slurm-test
  flock -n 9 || refuse "another run of this test is on"
  if [ -e $conf ]; then
    left=$(sed -n 's/^# radfoundry test cluster in \(.*\) :.*/\1/p' $conf)
    [ -n "$left" ] || refuse "$conf belongs to a Slurm that is not ours"
    echo "an earlier run was killed: taking down $left"
    bash "$here/stop.sh" "$left"
  fi
  for name in slurmctld slurmd slurmdbd; do
    ! pgrep -x $name >/dev/null || refuse "a $name that is not ours runs on this machine"
  done
}

# Copy what git tracks, and what it would, to a folder of its own.
copy_tree() {
  local file
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do
      if [ -e "$root/$file" ] || [ -L "$root/$file" ]; then printf '%s\0' "$file"; fi
    done | tar -C "$root" --null --files-from=- -cf - | tar -C "$1" -xf -
  PYTHONPATH=$root/tests python -c 'import factory, yaml; print(yaml.safe_dump(factory.small_config(every=True)))' \
    >"$1/config.yaml"
  sed -i -e 's/^\(slurm-init-seconds-before-status-checks:\) [0-9]*/\1 2/' \
    -e 's/^\(max-status-checks-per-second:\) [0-9.]*/\1 0.5/' \
    -e 's,^\(max-jobs-per-timespan:\) [0-9]*/[0-9]*s,\1 50/2s,' "$1/workflow/profiles/slurm/profile.yaml"
}

# Print the queue every ten seconds in which it changed.
watch_queue() {
  local before="" now
  while sleep 10; do
    now=$(squeue -h -S i -O jobid:6,partition:5,state:11,tres-alloc:52,comment:70 2>/dev/null) || continue
    [ "$now" = "$before" ] || [ -z "$now" ] || sed -e 's/ *$//' -e 's/^/squeue | /' <<<"$now"
    before=$now
  done
}

guard
say "installing Slurm (nothing to do where it is)"
install_log=$(mktemp)
bash "$here/install.sh" >"$install_log" 2>&1 9>&- || {
  tail -n 20 "$install_log"
  exit 1
}
rm -f "$install_log"
slurmctld -V

run=$(mktemp -d "${TMPDIR:-/tmp}/radfoundry-slurm.XXXXXX")
say "starting a cluster of one node in $run"
bash "$here/start.sh" "$run" 9>&-
sinfo -o '%.9P %.6a %.10T %.4c %.8m %.8G'

mkdir "$run/tree"
copy_tree "$run/tree"
cd "$run/tree"
export PYTHONPATH=$run/tree/src${PYTHONPATH:+:$PYTHONPATH}
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0

say "snakemake --profile slurm all"
watch_queue 9>&- &
watcher=$!
# in the background, so that a signal to this script is answered at once; timeout leads a group of its own
timeout "$limit_s" snakemake --profile slurm all </dev/null 9>&- &
controller=$!
wait $controller || {
  say "snakemake ended with $?"
  python "$here/evidence.py" workflow/profiles/slurm/profile.yaml || true
  exit 1
}
kill $watcher && watcher=""

say "sacct"
python "$here/evidence.py" workflow/profiles/slurm/profile.yaml
outcome=PASS
