#!/usr/bin/env bash
# Install Slurm, its accounting and munge from Debian's own packages; nothing happens where they are there.
set -euo pipefail

programs=(munged slurmctld slurmd slurmdbd mariadbd mariadb-install-db sbatch squeue sacct)
packages=(slurm-wlm slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge slurmdbd
  slurm-wlm-mysql-plugin mariadb-server)

missing() {
  local program
  for program in "${programs[@]}"; do command -v "$program" || echo "no $program"; done | grep '^no '
}

PATH=$PATH:/usr/sbin:/sbin
missing >/dev/null || exit 0
command -v apt-get >/dev/null || {
  echo "$(missing | paste -sd, -), and no apt-get to install it with" >&2
  exit 1
}

# The packages would start their daemons with the system's configuration: forbid it for the moment.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 0755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
if missing >&2; then exit 1; fi
