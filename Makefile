# Two commands: `make demo` and `make test`. Everything else is for people who work on the platform.
# Set-up needs Python 3.11+ and the package index, nothing else; uv comes from the index into .venv.
PYTHON ?= python3
PORT ?= 3000
SERVE ?= 1
DAYS ?= 30
AGAIN ?=
HANGS := -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true # a test that hangs says where, and fails
ORDERS ?= 1000
V := .venv/bin
# Of parts that passed, nothing is run AGAIN.
tests = [ -n "$(AGAIN)" ] && [ -e .pytest_cache/$@.passed ] || { rm -f .pytest_cache/$@.passed \
  && $(V)/python -m pytest -q $(1) -o cache_dir=.pytest_cache/$@ $(HANGS) $(AGAIN) && touch .pytest_cache/$@.passed; }
DOMAINS := $(wildcard domains/*/pyproject.toml)

.DEFAULT_GOAL := help
.PHONY: help setup demo test rules browser slow lint golden bench pin clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: .venv/ready ## install dagmesh and every domain's own dependencies into .venv

.venv/ready: pyproject.toml constraints.txt $(DOMAINS)
	@test -x $(V)/python || $(PYTHON) -m venv .venv
	@$(V)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(V)/uv pip install --quiet --compile-bytecode --python $(V)/python --constraint constraints.txt --editable '.[agents,polars,serve]' --group dev $(addprefix -r ,$(DOMAINS))
	@$(V)/python -m compileall -q platform/dagmesh
	@touch $@

demo: setup ## run the last 30 days of the whole mesh, print the board, serve the Dagster UI (SERVE=0: no UI; PORT=3000)
	@$(V)/python domains/shop.py --out .dagmesh/exports --days $(DAYS) --orders-per-day $(ORDERS)
	@$(V)/dagmesh build --days $(DAYS)
ifneq ($(SERVE),0)
	@$(V)/dagmesh up --port $(PORT)
endif

test: rules browser ## the tests that take minutes at most (AGAIN=--last-failed: those that failed)

rules: setup
	@$(call tests,-n 2 --dist loadgroup -m "not slow and not browser")

browser: setup
	@$(call tests,-m "browser and not slow")

slow: setup ## the tests that take longer: own environments, faults, mutants
	@$(call tests,-n 2 -m slow)

lint: setup ## ruff, mypy, import rules
	@$(V)/ruff check . && $(V)/ruff format --check . && $(V)/mypy platform/dagmesh platform/policies && $(V)/lint-imports

golden: setup ## rewrite the files that tests compare with; review the diff
	@$(V)/python -m pytest -q -m "not slow" --golden

bench: setup ## build one mesh with dagmesh and with its peers (500,000 orders, three rounds), write tables and chart
	@$(V)/python -m benchmarks.peers

pin: setup ## pin what set-up installs, after changing a dependency
	@$(V)/uv pip compile --quiet --universal --no-header --annotation-style=line --all-extras --group dev pyproject.toml $(DOMAINS) --output-file constraints.txt

clean: ## forget .dagmesh: lake, exports, Dagster's history
	@rm -rf .dagmesh
