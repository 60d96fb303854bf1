# Every verb of the project. It needs GNU make and Python 3.11 or newer with venv, and brings the rest along.

PYTHON ?=
ARGS   ?=

BIN := .venv/bin
# Tests outside of tests/faults that have a long form.
LONG := tests/api/test_fuzz_everybody.py tests/api/test_lifecycle_model.py tests/api/test_sqlmap.py \
	tests/e2e/test_sla_stories.py tests/integration/test_http_sender_deadlines.py
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' pyproject.toml

# Where it is set, each of the many processes would compile all of PSMS anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up test bench soak check fmt lock clean environment-trial environment-all

help: ## say what each verb does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@printf '\nPYTHON=python3.12 chooses the Python; ARGS="-k webhooks" is passed on by up, test, soak and lock.\n'

setup: environment-all ## make the virtual environment .venv and install all dependencies

up: environment-trial ## start everything, on servers of its own; Ctrl-C stops it and keeps the data
	@$(BIN)/python -m psms up --with-parent $(ARGS)

test: environment-all ## run every test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -q $(ARGS)

bench: environment-all ## measure beside limits, as a table and JSON; ARGS="--only create,read" chooses
	@$(BIN)/python -m bench $(ARGS)

soak: environment-all ## run the long forms of the fault tests, of the fuzzing and of sqlmap, which take hours
	$(BIN)/python -m pytest -q tests/faults $(LONG) --soak -m "" --timeout 3600 $(ARGS)

check: environment-all ## format, lint, types, architecture, dead code, models, containers, dependency audit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture
	$(BIN)/python -m pytest -q tests/architecture
	$(BIN)/python -m tests.support.model_check
	$(BIN)/python -m tests.support.compose_check
	$(BIN)/python -m tests.support.audit

fmt: environment-all ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: environment-all ## lock the dependencies of pyproject.toml anew; ARGS=--upgrade takes the newest
	$(LOCK) -o requirements.txt $(ARGS)
	$(LOCK) --extra aws -c requirements.txt -o requirements-aws.txt $(ARGS)
	$(LOCK) --extra trial -c requirements.txt -o requirements-trial.txt $(ARGS)
	$(LOCK) --extra aws --extra trial --extra dev -c requirements-trial.txt -c requirements-aws.txt -o requirements-dev.txt $(ARGS)

clean: ## remove .venv and all caches; the data in .psms stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that is new enough: the one asked for, else that of .venv, else what the machine has.
environment-trial environment-all:
	@for python in $(if $(PYTHON),$(PYTHON),$(BIN)/python python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then exec "$$python" psms/embedded/bootstrap.py $(@:environment-%=%); fi; \
	done; \
	echo 'PSMS needs Python 3.11 or newer, and $(or $(PYTHON),python3) is not: install one, or name it, as in' \
		'"make up PYTHON=/opt/python3.12/bin/python3"' >&2; exit 1
