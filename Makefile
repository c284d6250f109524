# One place for what people and CI run. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help venv demo test check lint format-check types layers pytest audit fuzz fuzz-bytes faults format bench bench-subscriptions hostile corpus corpus-peers schema clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' Makefile

venv: $(INSTALLED) ## create .venv with the pinned versions (once; a second run does nothing)

# The stamp is written last, so that an interrupted or failed install starts over.
# A venv is made without pip and gets it afterwards: Debian splits ensurepip off into python3-venv, and where that
# package is missing the system's own pip can install one.
$(INSTALLED): pyproject.toml constraints.txt
	@rm -f $@
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Weft needs Python 3.11 or newer as '$(PYTHON)' (found: $$($(PYTHON) --version 2>&1))." >&2; \
	  echo "Choose another one with: make venv PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) || { \
	  echo "'$(PYTHON) -m venv' failed. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	  $(BIN)/python -m ensurepip --default-pip >/dev/null 2>&1 || \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet pip || { \
	  echo "There is no pip for $(VENV). On Debian and Ubuntu: apt install python3-venv (or python3-pip)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

demo: venv ## the shop: its REST backends and the gateway (PORT=8000)
	$(BIN)/weft demo $(if $(PORT),--port $(PORT))

test: check ## the same as check

check: lint format-check types layers pytest ## everything that must hold, stopping at the first failure
	@echo "all checks passed"

lint: venv ## ruff's rules
	$(BIN)/ruff check

format-check: venv ## ruff's formatting
	$(BIN)/ruff format --check

types: venv ## mypy, strict
	$(BIN)/mypy

layers: venv ## graph may import resolvers, resolvers may import sources, nothing the other way
	$(BIN)/lint-imports

pytest: venv ## the tests (ARGS="-k name" to choose)
	$(BIN)/python -m pytest $(ARGS)

audit: venv ## whether a pinned version has a known vulnerability, where that can be asked
	$(BIN)/python .ci/audit.py

fuzz: venv ## compare with graphql-core over many generated schemas and operations (EXAMPLES=20000)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m pytest tests/graph/test_oracle.py \
	  tests/graph/test_schema_oracle.py tests/graph/test_incremental_oracle.py \
	  tests/graph/test_event_oracle.py --timeout=0 $(ARGS)

format: venv ## format, and repair what ruff can repair
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fuzz-bytes: venv ## malformed bytes for the HTTP and WebSocket endpoints, other ones each time (EXAMPLES=20000)
	FUZZ_EXAMPLES=$(or $(EXAMPLES),20000) $(BIN)/python -m pytest tests/faults/test_malformed.py --timeout=0 $(ARGS)

faults: venv ## the gateway under fire, for minutes, with figures (ARGS="--operations 5000 --write docs/reliability.md")
	$(BIN)/python -m tests.faults $(ARGS)

bench: venv ## Weft against a hand-written server (ARGS="--seconds 5 --cases Q1v")
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-subscriptions: venv ## Weft's subscriptions against Strawberry's own (ARGS="--sockets 10000 --rate 1")
	$(BIN)/python -m benchmarks.subscriptions $(ARGS)

hostile: venv ## what hostile documents cost, in milliseconds (ARGS="--repeat 9")
	$(BIN)/python -m benchmarks.hostile $(ARGS)

corpus: venv ## import real OpenAPI documents, of npm packages below CORPUS, and print coverage (ARGS="--limit 50")
	$(BIN)/python -m benchmarks.corpus $(ARGS)

corpus-peers: venv ## the same with the importers of IBM and of GraphQL Mesh
	$(BIN)/python -m benchmarks.corpus --peer openapi-to-graphql $(ARGS)
	$(BIN)/python -m benchmarks.corpus --peer mesh $(ARGS)

schema: venv ## write the shop's schema to schema.graphql
	$(BIN)/weft schema examples/shop/graph.py > schema.graphql.new || { rm -f schema.graphql.new; exit 1; }
	mv schema.graphql.new schema.graphql

clean: ## remove caches and build products
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean ## remove the virtual environment and what npm installed for tests too
	rm -rf $(VENV) .npm
