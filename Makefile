# Two commands do everything: `make demo` and `make test`. Each sets up what it needs, and does no work twice.
PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo test bench

help:
	@echo "make demo   train, evaluate and sample the four variants on the embedded digits (no download, account or GPU)"
	@echo "make test   lint, import contracts, types and tests"
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
	dvc pull --quiet data.dvc
	dvc repro
	@sed '/^!/d' artifacts/comparison/comparison.md
	@echo "Pictures: artifacts/comparison/samples.png, and samples.png in each of artifacts/runs/digits-*"

test: $(VENV)/installed-dev
	ruff check
	ruff format --check
	lint-imports
	mypy
	pytest -n 2

bench: $(VENV)/installed-dev
	python benchmarks/bench.py
