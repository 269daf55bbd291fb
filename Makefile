# Everything that a person or CI starts; `make` alone lists it.

# The system's own interpreter: one under a private home is invisible to a service with ProtectHome=.
PYTHON ?= /usr/bin/python3
VENV ?= .venv
# Processes that pytest spreads over; JOBS=0 keeps it in one, for a debugger.
JOBS ?= auto
# Nights per scenario that sync-scenarios judges.
SEEDS ?= 50

# For vampd and the demo: an interpreter with venv, what systemd-python is built with, the copier.
DEBIAN_RUN = python3-venv python3-dev gcc pkg-config libsystemd-dev rsync openssh-client
# What the tests judge with: fpack and funpack, fitsverify, an sshd, certificates, a tracer, systemd-analyze.
DEBIAN_TEST = libcfitsio-bin fitsverify openssh-server openssl strace systemd

BIN = $(VENV)/bin
STAMP = $(VENV)/.stamp
APT = $(if $(filter-out 0,$(shell id -u)),sudo )env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300

# $(call debian,PACKAGES) asks apt only for what is missing, so that a second `make` costs nothing.
define debian
@command -v dpkg-query >/dev/null || \
	{ echo "This set-up knows Debian only; elsewhere install by hand what gives: $(1)" >&2; exit 1; }; \
missing=$$(for package in $(1); do \
	dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || echo $$package; \
done); \
if [ -n "$$missing" ]; then \
	echo "Installing" $$missing; \
	$(APT) update && $(APT) install --yes --no-install-recommends $$missing; \
fi
endef

.DEFAULT_GOAL := help
.PHONY: help setup demo bench test lint pytest soak clean debian-run debian-test sync-scenarios

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: debian-run debian-test $(STAMP) ## install all that demo and test need: Debian packages and .venv

demo: debian-run $(STAMP) ## simulate two nights, run the daemon on them, show the products
	$(BIN)/python -m vampd.simulate.demo

bench: debian-run $(STAMP) ## measure sync: a table of CPU and memory for up to a million frames
	$(BIN)/python -m vampd.simulate.bench

test: setup ## everything that CI runs
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory pytest

lint: $(STAMP) ## style, types and layers only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Last in `make test`, so that its log ends with pytest's summary.
pytest: debian-test $(STAMP)
	$(BIN)/pytest -n $(JOBS) --cov

sync-scenarios: $(STAMP) ## judge sync on every named scenario, SEEDS nights each, and print the table
	$(BIN)/python -m vampd.simulate.judge --seeds $(SEEDS)

soak: setup ## the long suites, which test leaves out
	HYPOTHESIS_PROFILE=soak $(BIN)/pytest -m soak --timeout=0

clean: ## remove .venv and what builds and checks leave
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis \
		.import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

debian-run:
	$(call debian,$(DEBIAN_RUN))

debian-test:
	$(call debian,$(DEBIAN_TEST))

# pep517: systemd-python has no pyproject.toml, and pip would build it the old way.
$(STAMP): pyproject.toml | debian-run
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --use-pep517 --editable '.[dev]'
	touch $@
