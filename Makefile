# Every target sets up what it needs: a virtual environment in .venv with the project and its tools.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# The tests start hundreds of processes: without cached bytecode each compiles everything anew.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait for servers most of the time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)

.PHONY: demo test check format lint types imports tests long engines torture ha mutants fuzz wheel clean

demo: $(STAMP) ## everything on the embedded servers, with history and live orders
	@$(BIN)/coffeert demo

test: tests ## the test suite, on real servers that it starts itself

check: lint types imports tests ## before a commit; CI runs `long` after it

$(STAMP): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

format: $(STAMP)
	$(BIN)/ruff format coffeert tests
	$(BIN)/ruff check --fix coffeert tests

lint: $(STAMP)
	$(BIN)/ruff format --check coffeert tests
	$(BIN)/ruff check coffeert tests

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

tests: $(STAMP)
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not long"

long: $(STAMP) ## the tests that take long, which CI runs after `check`
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m long

engines: $(STAMP) ## what depends on them, on PostgreSQL 15 and Redis 7 as Debian has them
	COFFEERT_TEST_PG_BIN=/usr/lib/postgresql/15/bin COFFEERT_TEST_REDIS=$$(command -v redis-server) \
	  $(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not long" tests/integration/postgres \
	  tests/integration/redis_bus tests/integration/aggregator tests/integration/pooler

torture: $(STAMP) ## every fault of docs/reliability.md with three seeds, for many minutes; writes the table
	$(BIN)/python -m tests.torture --write docs/reliability.md
	$(BIN)/python -m tests.torture.overload --write docs/reliability.md
	$(BIN)/python -m tests.torture.verifying --write docs/reliability.md

ha: $(STAMP) ## loses each part of Patroni, Sentinel, HAProxy and coffeert in turn; needs Debian's packages
	$(BIN)/python -m tests.ha

mutants: $(STAMP) ## breaks the safeguards one by one in a copy, and tells which the tests notice
	$(BIN)/python -m tests.mutants --write docs/reliability.md

fuzz: $(STAMP) ## three minutes of fuzzing for each surface
	$(BIN)/python -m tests.fuzz --seconds 180 --write docs/reliability.md

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
