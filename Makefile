# Launchpad: `make up` starts everything, `make test` proves it. README.md says what each needs.

PYTHON ?= python3
ARGS ?=
COVERAGE ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-compile --require-hashes
# Shown when it fails only: an index location that is not there makes pip warn once for each package.
PIP_LOG = .venv/install.log
QUIETLY = > $(PIP_LOG) 2>&1 || { cat $(PIP_LOG) >&2; exit 1; }

.DEFAULT_GOAL := up
.PHONY: up test lint bench screenshots image

up: .venv/.installed
	@exec $(BIN)/python -m launchpad.up

# COVERAGE=FILE measures what the tests cover; `python -m tests.coverage_report FILE` prints it.
test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
		$(if $(COVERAGE),--cov --cov-report=json:$(COVERAGE)) $(ARGS)

# The checks import the settings, which keep a key in their home: give them one that nobody uses.
lint bench screenshots: export LAUNCHPAD_HOME = $(CURDIR)/.venv/home
lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	find templates -name '*.html' -exec $(BIN)/djade --check --target-version 5.2 {} +
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: .venv/.installed-dev
	$(BIN)/python -m tests.bench $(ARGS)

screenshots: .venv/.installed-dev
	$(BIN)/python -m tests.screenshots

# Both images, by the container engine that answers. BUILD_ARGS goes to its `build`, e.g. --build-arg BASE=IMAGE.
ENGINE ?= $(shell for engine in docker podman; do $$engine info > /dev/null 2>&1 && echo $$engine && break; done)
BUILD_ARGS ?=
VERSION := $(shell sed -n 's/^VERSION = "\([^"]*\)".*/\1/p' launchpad/version.py)
image:
	@engine="$(ENGINE)"; \
	[ -n "$$engine" ] || { echo "No container engine answers here. Install Docker or Podman and start it, or name one: make image ENGINE=podman" >&2; exit 1; }; \
	case "$$($$engine --version)" in *podman*) format="--format docker" ;; *) format= ;; esac; \
	for target in launchpad launchpad-model-servers; do \
		DOCKER_BUILDKIT=1 $$engine build --file Containerfile --target "$${target#launchpad-}" --build-arg VERSION=$(VERSION) \
			--tag "localhost/$$target:$(VERSION)" $$format $(BUILD_ARGS) . || exit 1; \
	done

.venv/.installed: requirements.txt | .venv/bin/python
	@echo "Installing the dependencies (only the first time) ..."
	@$(PIP) -r requirements.txt $(QUIETLY)
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@echo "Installing what the tests need (only the first time) ..."
	@$(PIP) -r requirements-dev.txt $(QUIETLY)
	@touch $@

.venv/bin/python:
	@command -v "$(PYTHON)" > /dev/null || \
		{ echo "There is no $(PYTHON) here. Install Python 3.11 or newer, or name one: make up PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Launchpad needs Python 3.11 or newer and $(PYTHON) is %d.%d. Name another one: make up PYTHON=python3.12" % v[:2])'
	@"$(PYTHON)" -m venv .venv
