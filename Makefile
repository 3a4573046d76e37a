# `make demo` and `make test` do everything. Each target sets up what it needs, and does no work twice.
PYTHON ?= python3
VENV := .venv
PIP_INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults test-slurm quick lint format clean embedded-data repro-parallel plots bench

help:
	@echo "make demo    train, evaluate and sample the four variants on the embedded digits (no download, account or GPU)"
	@echo "make test    lint, and all tests: some minutes"
	@echo "make test-slurm   sweeps on a real Slurm, set up on this machine: needs root and Debian's slurm-wlm and munge"
	@echo "make test-faults   kills, damage and random command lines by the thousand: an hour or more (PIXELRNN_FUZZ=10000)"
	@echo "make quick   the laws and all other cheap tests: under two minutes on two cores"
	@echo "make lint    style, import contracts and types"
	@echo "make format  mend the style"
	@echo "make clean   remove what tools leave behind; data, runs and the environment stay"
	@echo "make repro-parallel   dvc repro, two trainings at a time"
	@echo "make plots   dvc plots show, as a page that needs no network"
	@echo "make bench   training, sampling and memory beside the simple path; some minutes, on an idle machine"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pixelrnn needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP_INSTALL) --constraint constraints.txt --editable .
	@touch $@

# A new environment has the pip that came with its Python, which may be too old to read [dependency-groups].
$(VENV)/installed-dev: $(VENV)/installed
	$(PIP_INSTALL) 'pip>=25.1'
	$(PIP_INSTALL) --constraint constraints.txt --editable '.[sweep,slurm,s3,dashboard]' --group dev
	@touch $@

demo: embedded-data
	dvc repro compare@digits
	@echo "Pictures: artifacts/comparison/digits/samples.png, and samples.png in each of artifacts/runs/digits/*"

# DVC looks for a git repository, and a downloaded archive of this one is none. The setting is this copy's own.
embedded-data: $(VENV)/installed
	@test -e .git || dvc config --local core.no_scm true
	dvc pull data.dvc

# Those on a real Slurm wait for its one node: `make test-slurm`.
test: lint
	pytest -n 2 --ignore=tests/slurm

# They wait for Slurm most of the time, and share its one node.
test-slurm: $(VENV)/installed-dev
	pytest -n 0 -rs tests/slurm

# How many of each kind are tried stands in PIXELRNN_FUZZ; `make test` tries a few hundred, always the same.
FAULTS := tests/test_fuzz.py tests/test_damage.py
test-faults: export PIXELRNN_FUZZ ?= 10000
test-faults: $(VENV)/installed-dev
	pytest -n 2 $(FAULTS)

quick: $(VENV)/installed-dev
	pytest -n 2 -m "not slow"

lint: $(VENV)/installed-dev
	ruff check
	ruff format --check
	lint-imports
	mypy

format: $(VENV)/installed-dev
	ruff check --fix
	ruff format

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache dist dvc_plots
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The trainings don't depend on each other; each process gets half of two cores.
repro-parallel: embedded-data
	dvc repro compose prepare
	dvc stage list --name-only | grep ^train@ | OMP_NUM_THREADS=1 xargs -P 2 -I STAGE dvc repro --single-item STAGE
	dvc repro

# DVC's page loads its plotting library from the network; from here on `dvc plots show` and `diff` bring it along.
plots: $(VENV)/installed
	@mkdir -p .dvc/tmp
	@python -c 'import vl_convert; print("<meta charset=utf-8><script>" + vl_convert.javascript_bundle() + "</script>{plot_divs}")' > .dvc/tmp/plots.html
	dvc config --local plots.html_template tmp/plots.html
	dvc plots show

bench: $(VENV)/installed-dev
	python benchmarks/bench.py
