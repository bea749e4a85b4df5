# The two commands a newcomer needs are `make demo` and `make test`; both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo up test docs fuzz train validate-training data-given lint lint-template build requirements clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements/setup.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Metta needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

demo: setup
	$(BIN)/metta demo

up: setup
	$(BIN)/metta up

# Tests wait much of their time, so three runs go side by side, each about as long as the others; the reports of the two
# that are listed here come after that of the rest.
BESIDE := tests/e2e tests/functional/audit tests/functional/redteam tests/functional/injection
PAGES := tests/browser tests/functional/playground tests/functional/local/doctor tests/functional/docs \
  tests/functional/persistence tests/emulators
REST := $(BESIDE:%=--ignore=%) $(PAGES:%=--ignore=%)

test: setup
	@mkdir -p .metta
	@$(BIN)/python -m pytest $(BESIDE) > .metta/test-beside.txt 2>&1 & first=$$!; \
	$(BIN)/python -m pytest $(PAGES) > .metta/test-pages.txt 2>&1 & second=$$!; \
	trap "kill $$first $$second" INT TERM; \
	$(BIN)/python -m pytest $(REST); rest=$$?; \
	wait $$first; beside=$$?; wait $$second; pages=$$?; cat .metta/test-beside.txt .metta/test-pages.txt; \
	test $$rest -eq 0 -a $$beside -eq 0 -a $$pages -eq 0

# What the code writes of documents: tables in README.md, commands, the policy's fields and schema, the console's API.
docs: setup
	$(BIN)/python -m metta_local.readme

# What the tests do for seconds, for ten minutes and from another seed each time.
fuzz: setup
	$(BIN)/metta fuzz --seconds 600

# `make train DATA=FOLDER` writes the guardrails' model and lexicon into the package; `validate-training` only prints how
# well models do on sources they were not trained on. FOLDER holds the shared texts (*_train.jsonl).
train: data-given setup
	$(BIN)/python -m metta_local.training --data "$(DATA)"

validate-training: data-given setup
	$(BIN)/python -m metta_local.training --data "$(DATA)" --validate

data-given:
	@test -n "$(DATA)" || { echo "DATA is missing: name the folder of the training texts, as in make train DATA=FOLDER" >&2; exit 1; }

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy layers/build.py events/generate.py functions/worker/handler.py
	$(BIN)/mypy functions/watchdog/handler.py
	$(BIN)/mypy functions/migrate/handler.py
	$(BIN)/mypy functions/webhook/handler.py
	$(BIN)/mypy functions/console/handler.py
	$(BIN)/lint-imports

# A template's lint: CloudFormation's schema, the serverless rules, and checkov on every branch of the conditions.
# Suppressions stand in the template, each with its reason.
CHECKOV := .metta/checkov

lint-template: setup $(CHECKOV)/.ready
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules -- template.yaml
	sed '/^    Condition: /d' template.yaml > .metta/every-branch.yaml
	$(CHECKOV)/bin/checkov --file .metta/every-branch.yaml --framework cloudformation --skip-download --compact --quiet

$(CHECKOV)/.ready: requirements/checkov.txt | setup
	test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	$(BIN)/uv pip install --quiet --python $(CHECKOV)/bin/python --require-hashes -r requirements/checkov.txt
	touch $@

# For Lambda (arm64). METTA_BUILD_ARCH and METTA_BUILD_PYTHON switch to another platform; layers/build.py explains.
build: setup
	$(BIN)/sam validate --lint
	$(BIN)/sam build
	$(BIN)/python layers/build.py total .aws-sam/build

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
  --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements"

requirements: setup
	$(COMPILE) --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml -o requirements/runtime.txt
	$(COMPILE) -c requirements/dev.txt requirements/setup.in -o requirements/setup.txt
	$(COMPILE) requirements/checkov.in -o requirements/checkov.txt

clean:
	rm -rf $(VENV) .aws-sam .metta
