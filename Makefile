# Radfoundry's commands. `make help` lists them; `make demo` and `make test` make their own environment first.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CORES ?= 2
VENV := .venv
# Snakemake asks itself again after each timespan, once more for every job that has ended: at its default of one
# second a run of 150 jobs keeps a quarter of a core busy with that.
RUN := snakemake --cores $(CORES) --max-jobs-per-timespan 500/5s
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BUNDLE := benchmarks/bundles/medsyn
FILM_NETWORKS := $(addprefix results/recipes/,$(addprefix xreal/networks/,text autoencoder diffusion anatomy_controller) \
	$(addprefix aurad/networks/,text autoencoder masks diffusion))
READY_TO_CHECK := $(VENV)/.ready-to-check

# One thread per process: idle OpenMP threads that spin triple the cost of small networks.
export OMP_NUM_THREADS := 1
export OMP_WAIT_POLICY := passive
export GOMP_SPINCOUNT := 0
# Programs started by others (snakemake's jobs, lint-imports) must find this environment first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Tests of the code and the documents themselves: they need no images and take seconds.
HOUSE_TESTS = $(wildcard $(patsubst %,tests/test_%.py,architecture docs schema envs profile draw_dag slurm_evidence))

.PHONY: help demo showcase bundle versus test test-faults check format-check lint types house trial test-slurm dag docs env clean

help:  ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## Run the whole factory on phantoms, into results/ (CORES=2)
	$(RUN) all
	@echo "The report: results/report.html    The scorecard: results/scorecard.tsv"

showcase: $(READY)  ## Run text-guided CT, its ablations and baselines on more phantoms, into showcase/ (195 CPU minutes before it was made smaller)
	mkdir -p showcase
	cmp -s benchmarks/showcase.yaml showcase/config.yaml || cp benchmarks/showcase.yaml showcase/config.yaml
	cd showcase && $(RUN) --snakefile ../Snakefile --directory . --prioritize results/recipes/medsyn/evaluate/few_shot.tsv -- all
	@echo "The report: showcase/results/report.html    The scorecard: showcase/results/scorecard.tsv"

bundle: $(READY)  ## Train the showcase's MedSyn and take its bundle for the demo: config.yaml pins what this prints
	mkdir -p showcase
	cmp -s benchmarks/showcase.yaml showcase/config.yaml || cp benchmarks/showcase.yaml showcase/config.yaml
	cd showcase && $(RUN) --snakefile ../Snakefile --directory . results/bundles/medsyn
	rm -rf $(BUNDLE) && cp -r showcase/results/bundles/medsyn $(BUNDLE) && rm -f $(BUNDLE)/.snakemake_timestamp
	sha256sum $(BUNDLE)/networks/*/weights.safetensors

versus: $(READY)  ## Measure the factory beside its peers, into docs/performance.md (ARGS="crops --pairs 1 --small")
	python -m pip install --quiet --no-build-isolation -c constraints.txt -e '.[versus]'
	python benchmarks/versus/run.py --page docs/performance.md $(ARGS)

networks: $(READY)  ## Train XReal and AURAD of the showcase of radiographs and take their networks for the demo
	mkdir -p showcase_films
	cmp -s benchmarks/showcase_films.yaml showcase_films/config.yaml || cp benchmarks/showcase_films.yaml showcase_films/config.yaml
	cd showcase_films && $(RUN) --snakefile ../Snakefile --directory . -- $(FILM_NETWORKS)
	PYTHONPATH=src python benchmarks/take_networks.py showcase_films/results xreal aurad

test: $(READY)  ## Run all tests, CORES at once (ARGS="-k dice" runs some)
	python -m pytest -n $(CORES) --no-loadscope-reorder $(ARGS)

test-faults: $(READY)  ## Run the tests of bad input and faults alone
	python -m pytest tests/faults $(ARGS)

check: $(READY_TO_CHECK)  ## Check format, lint, workflow, layers, types, architecture and documents
	$(MAKE) --jobs $(CORES) --output-sync=target --keep-going format-check lint types house

format-check: $(READY_TO_CHECK)
	ruff format --check .
	snakefmt --check Snakefile workflow

lint: $(READY_TO_CHECK)
	ruff check .
	snakemake --lint
	lint-imports

types: $(READY_TO_CHECK)
	mypy

house: $(READY_TO_CHECK)
	$(if $(HOUSE_TESTS),python -m pytest $(HOUSE_TESTS))
	python docs/draw_dag.py --check

trial: $(READY)  ## Run on the real images of ../shared/data, into trial/ (TRIAL=volumes, radiographs, films or tumours for a part)
	CORES=$(CORES) bash tests/trial/run.sh

test-slurm: $(READY)  ## Run `snakemake --profile slurm all` on a real one-node Slurm (Debian, as root)
	bash tests/slurm/run.sh

dag: $(READY)  ## Draw the graph of rules into docs/dag.md
	python docs/draw_dag.py

docs: dag  ## Write the generated documents from the schemas and the code
	python docs/make_docs.py
	python docs/draw_architecture.py

env: $(READY)  ## Make the environment in .venv, with the versions of constraints.txt

clean:  ## Delete ALL results, trained networks and checkpoints, logs and caches; the environment stays
	rm -rf results logs trial showcase showcase_films checkpoints .snakemake .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build
	find src scripts tests docs workflow -name __pycache__ -prune -exec rm -rf {} +

# Two steps: pyradiomics 3.0.1 is compiled against the numpy that is already there, so it cannot be built in isolation.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt torch numpy setuptools wheel
	$(BIN)/python -m pip install --no-build-isolation -c constraints.txt -e '.[segmenters,test]'
	touch $@

$(READY_TO_CHECK): $(READY)
	$(BIN)/python -m pip install --no-build-isolation -c constraints.txt -e '.[check]'
	touch $@
