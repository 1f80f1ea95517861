# Everything runs in .venv, which the first target that needs it builds from the locked requirements.
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test fuzz lint bench eval-sentiment format lock clean help
.DEFAULT_GOAL := help

help: ## say what each target does
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

demo: .venv/core ## one backtest on synthetic bars, ending with a report to open
	@$(BIN)/quant-engine demo

test: .venv/dev ## the whole test suite, a process for each core
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile

fuzz: .venv/dev ## the properties among the tests on examples that were not tried before
	$(BIN)/python -m pytest --numprocesses=auto --hypothesis-profile=explore -m hypothesis

lint: .venv/dev ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev .venv-peers/ready ## every benchmark in fresh processes, with the peers beside them where they can be had
	$(BIN)/python tests/benchmarks/suite.py

eval-sentiment: .venv/core ## how well texts are scored, plain VADER beside ours, into docs/sentiment.md
	$(BIN)/python -m quant_channels.sentiment.text.evaluation ../shared/data/text --page docs/sentiment.md

format: .venv/dev ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/dev ## resolve the requirements anew and write the locked sets
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    pyproject.toml requirements/build.in -o requirements/core.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --extra dev pyproject.toml requirements/build.in -c requirements/core.lock -o requirements/dev.lock

.venv-peers/ready: requirements/peers.lock
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

clean: ## remove what the other targets made
	rm -rf .venv .venv-peers dist reports .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/core: requirements/core.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements/core.lock
	$(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

.venv/dev: .venv/core requirements/dev.lock
	$(PIP) install --require-hashes --requirement requirements/dev.lock
	touch $@
