SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python from 3.11 on: make PYTHON=python3.13 setup
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
EXTRAS := crawl,browser,analysis,fast,schedule,web,dev
# For CLIP. KerasHub asks for a second TensorFlow, which nothing here needs: by themselves.
ALONE := keras-hub==0.32.0 regex==2026.11.15 tokenizers==0.23.3
# One more than there are cores: tests wait for servers a good part of their time.
TEST_PROCESSES ?= $(shell $(PYTHON) -c 'import os; print(min(6, (os.cpu_count() or 1) + 1))')

.PHONY: help setup demo test lint bench services clean

help: ## List the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(STAMP) ## Make the environment in .venv

# Only anew when what is to be installed changes.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: there is no $(PYTHON): install Python 3.11 or newer (on Debian and Ubuntu: apt-get install python3 python3-venv), or name yours with make PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "make: $$($(PYTHON) --version) does not do, Python 3.11, 3.12 or 3.13 is needed: install one and name it with make PYTHON=python3.13" >&2; exit 2; }
	@if command -v uv >/dev/null; then \
	  echo "Installing into $(VENV) with uv"; \
	  [ -x $(VENV)/bin/python ] || uv venv --quiet --python "$$(command -v $(PYTHON))" $(VENV); \
	  uv pip install --quiet --python $(VENV)/bin/python -c constraints.txt -e '.[$(EXTRAS)]'; \
	  uv pip install --quiet --python $(VENV)/bin/python --no-deps $(ALONE); \
	else \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make environments: run apt-get install python3-venv (or the package python3.N-venv of your Python)" >&2; exit 2; }; \
	  echo "Installing into $(VENV) with pip"; \
	  [ -x $(VENV)/bin/pip ] || $(PYTHON) -m venv $(VENV); \
	  $(VENV)/bin/python -m pip install --quiet --no-input --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS)]'; \
	  $(VENV)/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-deps $(ALONE); \
	fi
	@touch $@

demo: setup ## Crawl the bundled museum, or your images: make demo ART=FOLDER
	@$(VENV)/bin/artworks demo $(if $(ART),--art "$(ART)")

# Where Splash, S3 or Chromium cannot be had, their tests are skipped (with CI=true: failed).
test: setup ## Check everything: style, types, and the whole test suite against real services
	@$(VENV)/bin/python -m storage.embedded --if-possible
	@$(MAKE) --no-print-directory lint
	@$(VENV)/bin/python -m pytest --numprocesses=$(TEST_PROCESSES) --dist=worksteal

lint: setup ## Check style and types
	@echo "ruff check"; $(VENV)/bin/ruff check .
	@echo "ruff format --check"; $(VENV)/bin/ruff format --check .
	@echo "mypy --strict"; $(VENV)/bin/mypy

bench: setup ## Measure, and compare with the targets
	@failed=0; for benchmark in benchmarks/[a-z]*.py; do \
	  echo "$$benchmark"; $(VENV)/bin/python "$$benchmark" --json || failed=1; \
	done; exit $$failed

services: setup ## Install the real Splash, S3 server and Chromium from packages
	@$(VENV)/bin/python -m storage.embedded

clean: ## Remove the environment and what tools left behind (the collection in var stays)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
