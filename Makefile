# Two commands do everything: `make demo` and `make test`. Each sets up what it needs, and does no work twice.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test bench plots repro-parallel

help:
	@echo "make demo   train, evaluate and sample the four variants on the embedded digits (no download, account or GPU)"
	@echo "make test   lint, import contracts, types and tests"
	@echo "make repro-parallel   dvc repro, two variants at a time"
	@echo "make plots  dvc plots show, as a page that needs no network"
	@echo "make bench  training, sampling and memory beside the simple path; some minutes, on an idle machine"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pixelrnn needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed
	dvc pull --quiet data/digits.npz data/photos data/README.md
	dvc repro
	@sed '/^!/d' artifacts/comparison/comparison.md
	@echo "Pictures: artifacts/comparison/samples.png, and samples.png in each of artifacts/runs/digits-*"

test: $(VENV)/installed-dev
	ruff check
	ruff format --check
	lint-imports
	mypy
	pytest -n 2

# The variants don't depend on each other; each process gets half of two cores.
repro-parallel: $(VENV)/installed
	dvc pull --quiet data/digits.npz data/photos data/README.md
	dvc repro compose prepare
	basename -s .yaml conf/model/*.yaml | OMP_NUM_THREADS=1 xargs -P 2 -I VARIANT dvc repro --single-item train@VARIANT
	dvc repro

# DVC's page loads its plotting library from the network; from here on `dvc plots show` and `diff` bring it along.
plots: $(VENV)/installed
	@mkdir -p .dvc/tmp
	@python -c 'import vl_convert; print("<meta charset=utf-8><script>" + vl_convert.javascript_bundle() + "</script>{plot_divs}")' > .dvc/tmp/plots.html
	dvc config --local plots.html_template tmp/plots.html
	dvc plots show

bench: $(VENV)/installed-dev
	python benchmarks/bench.py
