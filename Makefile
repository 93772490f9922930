# Every chore of the project. `make demo` and `make test` install what they need themselves.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEBS := bc debootstrap systemd-container iproute2 openssh-client openssh-server python3-venv

.DEFAULT_GOAL := help
.PHONY: help venv debs demo demo-down test coverage lint format types contracts check docs bench clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) debs
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[lab]' --group dev
	@touch $@

venv: $(STAMP)  ## Make the virtual environment with the package and the tools

debs:  ## Install the Debian packages the lab needs (root only)
	@tools/debs.sh $(DEBS)

demo: $(STAMP) debs  ## Boot three hosts and run the main job on them
	@PATH="$(CURDIR)/$(BIN):$$PATH" tools/demo.sh

demo-down: $(STAMP)  ## Take the demo's hosts down
	@$(BIN)/provision lab down

test: $(STAMP) debs  ## Run all tests, the ones on real hosts included
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: $(STAMP) debs  ## Run all tests and show what they cover
	@$(BIN)/python -m pytest --cov=provision --cov-report=term:skip-covered $(PYTEST_ARGS)

format: $(STAMP)  ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

lint: $(STAMP)  ## Check format and style
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: $(STAMP)  ## Check types, package and tests
	@$(BIN)/mypy

contracts: $(STAMP)  ## Check which room imports which
	@$(BIN)/lint-imports

check: lint types contracts  ## Everything that needs no run

docs: $(STAMP)  ## Write the pages generated from the code
	@$(BIN)/python -m docs.generate

bench: $(STAMP) debs  ## Compare with other tools (see benchmarks/README.md)
	@$(BIN)/python -m benchmarks.peers

clean:  ## Remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache dist build htmlcov .coverage*
