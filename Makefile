# Everything that a person does with Pregão. `make` or `make help` lists it.
# Needs Python 3.11 or newer, git and make; nothing is installed outside of .venv.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PIP := $(PY) -m pip install -qq --disable-pip-version-check
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header
CODE := src tests scheduler.py
EXAMPLES ?= 2000

.DEFAULT_GOAL := help
.PHONY: help install run test check fix property bench chaos mutants lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(RUN_STAMP) ## Build .venv from the hash-pinned requirements.txt

run: $(RUN_STAMP) ## Run the complete system: engines, scheduler, worker, recorder, API (Ctrl-C stops it)
	@PREGAO_PARENT_PID=$$PPID exec $(PY) -m pregao up

test: $(DEV_STAMP) ## Run the whole suite on private engines, two processes
	@$(PY) -m pytest -n 2

check: $(DEV_STAMP) ## Format, lint, types, layers and the quick tests: under a minute
	@$(PY) -m ruff format --check --quiet $(CODE)
	@$(PY) -m ruff check --quiet $(CODE)
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) -m pytest -q -n 2 tests/unit tests/architecture

fix: $(DEV_STAMP) ## Format and repair what the linter can
	@$(PY) -m ruff format $(CODE)
	@$(PY) -m ruff check --fix $(CODE)

property: $(DEV_STAMP) ## Run the property tests for long (EXAMPLES=2000)
	@PREGAO_PROPERTY_EXAMPLES=$(EXAMPLES) $(PY) -m pytest -n 2 --hypothesis-profile=thorough --timeout=0 tests/property

chaos: $(DEV_STAMP) ## Prove survival: every fault, 10,000 jobs each, for docs/proof.md (CHAOS_SEED=n repeats a run, CHAOS_SCALE=0.1 is a smoke run)
	@CHAOS_SEED="$(CHAOS_SEED)" CHAOS_SCALE="$(CHAOS_SCALE)" $(PY) -m pytest tests/chaos/long

mutants: $(DEV_STAMP) ## Break the code in every known way, one at a time: a test must notice (MUTANTS="part of a name")
	@$(PY) -B tests/mutants/run.py "$(MUTANTS)"

bench: $(DEV_STAMP) ## Measure the speed beside other queues, which go into .bench, for docs/proof.md (BENCH=--quick for a smoke run)
	@$(PY) -m bench $(BENCH)

lock: $(DEV_STAMP) ## Pin the newest versions that pyproject.toml allows
	@$(PIP) uv
	@$(LOCK) --upgrade --group build pyproject.toml --output-file requirements.txt
	@$(LOCK) --upgrade --group build --group dev --constraints requirements.txt pyproject.toml \
		--output-file requirements-dev.lock

clean: ## Remove caches and build products; .venv and .pregao stay
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache src/*.egg-info
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make an environment; on Debian and Ubuntu: apt install python3-venv"; exit 1; }

$(RUN_STAMP): requirements.txt pyproject.toml | $(PY)
	@echo "installing into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(RUN_STAMP) | $(PY)
	@echo "installing the developers' tools into $(VENV) ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
