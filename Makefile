# Guiyi: `make run` and `make test` set everything up by themselves; they need Python 3.11 or later and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV     := 0.13.9

.DEFAULT_GOAL := help
.PHONY: help setup browser run test check format lock schemas examples bench prove clean

help: ## List the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the .venv with everything that is locked

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: setup ## Start database, server and worker at http://localhost:8000
	@$(BIN)/guiyi up

test: setup check browser ## Everything CI runs: checks, then all tests with coverage (12 minutes at most)
	@$(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=
	@$(BIN)/coverage report --include='src/guiyi/see/*,src/guiyi/decide/*' --skip-covered --fail-under=90

check: setup ## Formatting, lint, types, imports
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports --no-cache > /dev/null || $(BIN)/lint-imports --no-cache

format: setup ## Format the code and mend what can be mended
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

browser: ## Install Debian's Chromium for the browser tests where it is missing and apt is there
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } \
	  || echo "Chromium is not installed: the browser tests will be skipped. Install it, then run make test again."

lock: setup ## Compile requirements.lock anew, with hashes and without index addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra dev pyproject.toml -o requirements.lock

schemas: setup ## Write the JSON Schemas of docs/schemas anew
	@$(BIN)/python docs/write_schemas.py

examples: setup ## Write the two example banks' workbooks anew
	@$(BIN)/guiyi examples examples

bench: setup ## Benchmarks; results go to benchmarks/results/
	@for b in benchmarks/bench_*.py; do $(BIN)/python $$b || exit 1; done

prove: setup browser ## What lasts longer than CI allows: many kills, all screenshots, the wheel, full benchmarks
	@$(BIN)/pytest -m prove
	@$(MAKE) --no-print-directory bench

clean: ## Remove the .venv and caches
	@rm -rf $(VENV) .pytest_cache .hypothesis .ruff_cache .coverage*
