#!/usr/bin/env bash
# Run everything on real images, in trial/: radiographs through ART-ASyn, CT and MR up to their measurements, XReal on
# small films, and TSCR on slices of brain MR.
# Skip clearly where they are absent. Words after the script's name go to snakemake; TRIAL=volumes, radiographs, films
# or tumours runs one part.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
data=${RADFOUNDRY_DATA:-$root/../shared/data}
if [ ! -d "$data" ]; then
  echo "SKIP: no real images at ../shared/data beside the checkout (or \$RADFOUNDRY_DATA); nothing was run"
  exit 0
fi

run() {
  (cd "$1" && shift && snakemake --snakefile "$root/Snakefile" --directory . --cores "${CORES:-2}" "${@:-all}")
}

if [ "${TRIAL:-volumes}" = volumes ]; then
  python "$root/tests/trial/make_volume_tables.py" "$data" "$root/trial/volumes"
  run "$root/trial/volumes" "$@"
  python "$root/tests/trial/check_volumes.py" "$root/trial/volumes/results"
fi
if [ "${TRIAL:-radiographs}" = radiographs ]; then
  python "$root/tests/trial/make_tables.py" "$data" "$root/trial"
  run "$root/trial" "$@"
  python "$root/tests/trial/print_dice.py" "$root/trial/results/scorecard.tsv"
fi
if [ "${TRIAL:-films}" = films ]; then
  python "$root/tests/trial/make_film_tables.py" "$data" "$root/trial/films"
  run "$root/trial/films" "$@"
fi
if [ "${TRIAL:-tumours}" = tumours ]; then
  python "$root/tests/trial/make_tumour_tables.py" "$data" "$root/trial/tumours"
  run "$root/trial/tumours" "$@"
fi
