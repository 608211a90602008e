# Everything a developer does, one target each. On a fresh machine only Python 3.11+ and make are needed:
# the environment is made in .venv and is renewed when pyproject.toml changes.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST_ARGS ?=
# processes that share the tests, file by file; 0 is one without helpers, for a debugger
PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers docs accept bench package clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## run the main job with no server: embedded broker, sink, union, then the prompt (or a printed tour)
	@$(BIN)/kshell demo

test: $(READY) ## run every test that can run here; java and mvn add the tiers with a real broker and catalog
	@$(BIN)/python -m pytest -n $(PROCESSES) $(PYTEST_ARGS)

check: lint types layers test ## what must be green before a change is proposed

lint: $(READY) ## ruff
	@$(BIN)/ruff check .

types: $(READY) ## mypy, strict
	@$(BIN)/mypy

layers: $(READY) ## import contracts: who may import whom
	@$(BIN)/lint-imports

docs: $(READY) ## write the generated tables of docs/reference.md, the manual page and the picture anew
	@$(BIN)/python -m docs.generate

accept: $(READY) ## run the transcripts and write what they print into the documents, for review
	@$(BIN)/python -m pytest tests/transcripts -p no:randomly --accept

bench: $(READY) ## speed and memory, as ratios within one run
	@$(BIN)/python -m tests.bench

package: $(READY) ## build the wheel, install it in an empty environment and use it there
	@bash .ci/package $(BIN)/python

clean: ## remove everything that make has made
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "kshell needs Python 3.11 or later; name one with: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@echo "preparing $(VENV) (once; again when pyproject.toml changes)"
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "no virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@
