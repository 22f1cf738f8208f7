# One command for each habit. Everything is installed from lock files into .venv and .venv-*; nothing else is touched.
PYTHON ?= python3.11
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-kafka demo-backfill image test format lint types imports template unit soak test-sdk test-pythons docs picture bench lock clean

help:  ## what each target does
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed  ## a virtual environment with all that is locked

.venv/.installed: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Headwater needs Python 3.11 or newer: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## a miniature AWS, a real pipeline run, and its lineage
	@$(BIN)/headwater demo

demo-kafka: setup  ## the same through Kafka and PostgreSQL, with the services of infra/compose.yaml (needs Java and Maven)
	@$(BIN)/python -m tests.demo_kafka

demo-backfill: setup  ## a miniature account without events, and its lineage from descriptions
	@$(BIN)/python -m tests.demo_backfill

image:  ## the container (needs Docker)
	docker build -f infra/Dockerfile -t headwater:0.1.0 .

# The quick checks first; then what takes minutes, beside each other, since each of them waits a lot.
test: setup  ## all that CI checks
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types imports template
	@$(MAKE) --no-print-directory --jobs 4 unit test-sdk2 test-sdk3 test-pythons

format: setup  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet .

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

template: setup
	$(BIN)/cfn-lint infra/template.yaml

unit: setup
	$(BIN)/pytest --numprocesses auto --dist loadgroup

soak: setup  ## the laws for an hour, or SOAK_MINUTES, with twenty times the examples and fresh seeds
	@$(BIN)/python -m tests.soak

test-sdk: setup  ## SageMaker's own SDKs against the server
	@$(MAKE) --no-print-directory --jobs 2 test-sdk2 test-sdk3

test-sdk%: .venv-sdk%/.installed
	@# What they print comes when they have ended, not between what others print.
	@export HEADWATER_BIN=$(CURDIR)/$(BIN); \
	  printed=$$(.venv-sdk$*/bin/pytest -c tests/sdk/pytest.ini tests/sdk 2>&1); code=$$?; echo "$$printed"; exit $$code

# Else make takes them for intermediate files, and removes them so that the environments are made each time.
.SECONDARY: .venv-sdk2/.installed .venv-sdk3/.installed

# v2 and v3 of the SDK are versions of one package, so each has its own environment.
.venv-sdk%/.installed: tests/sdk/v%.txt
	$(PYTHON) -m venv --clear .venv-sdk$*
	.venv-sdk$*/bin/python -m pip install --quiet --require-hashes --only-binary :all: --no-deps --no-compile -r $<
	@touch $@

test-pythons: setup  ## what needs no server, on each other Python from 3.11 to 3.14 that is found
	$(BIN)/python -m tests.pythons

docs: setup  ## docs/capture.md, docs/operations.md and the policy in infra/template.yaml, from the code
	$(BIN)/python -m docs.generate

picture:  ## docs/imports.svg: who imports whom (needs pydeps and graphviz)
	pydeps consumers --only consumers store ingest --max-module-depth 2 --rankdir BT --noshow -T svg -o docs/imports.svg

bench: setup  ## speed and size, as ratios from one run
	$(BIN)/python -m bench

lock: setup  ## resolve the dependencies again (needs uv)
	uv pip compile pyproject.toml --all-extras --group dev --group build --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade --output-file requirements.txt
	uv pip compile pyproject.toml --extra kafka -c requirements.txt --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --output-file infra/requirements.txt
	uv pip compile --group build -c requirements.txt --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --output-file infra/requirements-build.txt
	uv pip compile tests/pythons/requirements.in -c requirements.txt --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --output-file tests/pythons/requirements.txt
	for version in 2 3; do uv pip compile tests/sdk/v$$version.in --universal --python-version 3.11 --only-binary :all: \
	  --generate-hashes --no-header --no-annotate --upgrade --output-file tests/sdk/v$$version.txt || exit 1; done

clean:  ## remove what make has made
	rm -rf .venv .venv-sdk2 .venv-sdk3 .venv-pythons .mypy_cache .pytest_cache .ruff_cache .hypothesis bench/data
