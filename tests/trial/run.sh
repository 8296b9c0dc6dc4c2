#!/usr/bin/env bash
# Run the whole recipe on real radiographs, in trial/; skip clearly where they are absent.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=${RADFOUNDRY_DATA:-$root/../shared/data}
if [ ! -d "$data" ]; then
  echo "SKIP: no real images at ../shared/data beside the checkout (or \$RADFOUNDRY_DATA); nothing was run"
  exit 0
fi
python "$root/tests/trial/make_tables.py" "$data" "$root/trial"
cd "$root/trial"
snakemake --snakefile "$root/Snakefile" --directory . --cores "${CORES:-2}" "${@:-all}"
python "$root/tests/trial/print_dice.py" results/scorecard.tsv
