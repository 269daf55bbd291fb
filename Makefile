# Everything that people or CI run; `make` alone lists it.

# The system's interpreter: one in a private home is invisible to a service with ProtectHome=.
PYTHON ?= /usr/bin/python3
VENV ?= .venv
# Processes for pytest: three a core, because tests wait for other processes; JOBS=0 keeps it in one,
# for a debugger.
JOBS ?= $(shell echo $$((3 * $$(nproc))))
# Units wait for nothing, and a process by itself needs no other one to hand out tests and collect.
UNIT_JOBS = $(if $(filter 0,$(JOBS)),0,$(shell echo $$(($$(nproc) > 3 ? $$(nproc) / 2 : 0))))
# Nights per scenario that sync-scenarios judges.
SEEDS ?= 50

# For vampd and the demo: an interpreter with venv, what systemd-python is built with, the copier.
DEBIAN_RUN = python3-venv python3-dev gcc pkg-config libsystemd-dev rsync openssh-client
# What the tests need: fpack, funpack and imcopy, fitsverify, an sshd, certificates, a tracer,
# systemd-analyze; a whole systemd in a container; man and zsh; access lists.
DEBIAN_TEST = libcfitsio-bin fitsverify openssh-server openssl strace systemd \
	systemd-sysv dbus systemd-container man-db zsh acl
# For the soak: a FITS reader that is none of cfitsio's family, which is in Java.
DEBIAN_SOAK = libfits-java default-jdk-headless
# What the page is looked at with.
DEBIAN_BROWSER = chromium fonts-dejavu-core

# Where `make install` puts vampd; DESTDIR is prefixed to all of it, for packages.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
# systemd looks in /usr/lib and /usr/local/lib, wherever vampd is.
SYSTEMD_LIB ?= $(if $(filter /usr,$(PREFIX)),/usr/lib,/usr/local/lib)
APPLICATION = $(PREFIX)/lib/vampd
SHARE = $(PREFIX)/share
PROGRAMS = vampd vampctl vampd-web vampd-worker
UNITS = vampd vampd-web vampd-scheduler vampd-worker
INSTALLED_FILES = $(addprefix $(PREFIX)/bin/,$(PROGRAMS)) \
	$(UNITS:%=$(SYSTEMD_LIB)/systemd/system/%.service) \
	$(SYSTEMD_LIB)/sysusers.d/vampd.conf $(SYSTEMD_LIB)/tmpfiles.d/vampd.conf \
	$(addprefix $(SHARE)/man/,man8/vampd.8 man8/vampd-web.8 man8/vampd-worker.8) \
	$(SHARE)/man/man1/vampctl.1 $(SHARE)/man/man5/vampd.toml.5 \
	$(addprefix $(SHARE)/bash-completion/completions/,$(PROGRAMS)) \
	$(addprefix $(SHARE)/zsh/site-functions/_,$(PROGRAMS))

# How pip installs what a lock names, built by what requirements-build.lock has brought, and vampd
# itself. pep517: systemd-python has no pyproject.toml, and pip would build it the old way.
LOCKED = --require-hashes --no-build-isolation --use-pep517
UNLOCKED = --no-deps --no-build-isolation

# pip compiles one file after the other, and the packages' own tests too, which are a third.
COMPILE_PACKAGES = -m compileall -q -j 0 -x

BIN = $(VENV)/bin
STAMP = $(VENV)/.stamp
# What no other target needs, and is as large as all the rest.
BROWSER = $(VENV)/.browser
APT = $(if $(filter-out 0,$(shell id -u)),sudo )env DEBIAN_FRONTEND=noninteractive \
	apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300

# $(call debian,PACKAGES) asks apt only for what is missing, so that a second `make` costs nothing.
define debian
@command -v dpkg-query >/dev/null || \
	{ echo "This set-up knows Debian only; elsewhere install manually what provides: $(1)" >&2; exit 1; }; \
missing=$$(for package in $(1); do \
	dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed || echo $$package; \
done); \
if [ -n "$$missing" ]; then \
	echo "Installing" $$missing; \
	$(APT) update && $(APT) install --yes --no-install-recommends $$missing; \
fi
endef

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-web bench bench-load bench-idle bench-status bench-legacy bench-crew bench-web check test lint pytest kernels test-rules test-parts test-units test-worlds soak pictures lock install uninstall clean debian-run debian-test debian-soak debian-browser sync-scenarios

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: debian-run debian-test $(STAMP) ## install what demo and test need: Debian packages and .venv

demo: debian-run $(STAMP) ## simulate two nights, run the daemon on them, show the products; DEMO=FOLDER
	$(if $(DEMO),VAMPD_DEMO='$(DEMO)' )$(BIN)/python -m vampd.cli.demo

demo-web: demo ## the same, and the page of it until Ctrl-C, at http://127.0.0.1:8390/
	$(BIN)/vampd-web --config '$(or $(DEMO),/tmp/vampd-demo-$(shell id -u))/vampd.toml'

# BENCH names sections (default: all of `make bench`), SCALE=0.1 makes everything smaller.
BENCH ?=
SCALE ?= 1
MEASURE = $(BIN)/python -m tests.benchmarks --scale $(SCALE)

bench: debian-run debian-test $(STAMP) ## compare sync and packing with public tools: 20 min, 30 GB; BENCH=pack for a part
	$(MEASURE) $(BENCH)

bench-load: debian-run $(STAMP) ## measure how vampd yields to loggers at full rate on its disk
	$(MEASURE) load

bench-idle: debian-run $(STAMP) ## measure an idle vampd: a thousand finished nights, a million files
	$(MEASURE) idle

bench-status: debian-run $(STAMP) ## measure vampctl status with five thousand nights
	$(MEASURE) status

bench-legacy: debian-run $(STAMP) ## measure the start beside two thousand nights of the old tools
	$(MEASURE) legacy

bench-crew: debian-run $(STAMP) ## measure what packing on more hosts costs
	$(MEASURE) crew

bench-web: debian-run debian-browser $(BROWSER) ## measure the page, also in a browser, and vampd beside it
	$(MEASURE) web

# Lint is mostly one process, mypy, so it shares the cores with the unit tests and yields to them:
# those of model and stages take the longest. Debian's packages for the other tests are mostly waited
# for. The rest comes last, so that the log ends with pytest's summary. mypy's cache is a fifth of a
# first run, which a fresh clone makes once: it writes none. The laws draw the same examples each
# time, and no test may be skipped (tests/conftest.py).
test: export CI = 1
test: ## everything that CI runs
	@$(MAKE) --no-print-directory --jobs=4 --output-sync=target debian-test lint kernels test-units \
		$(if $(wildcard .mypy_cache),,MYPY_CACHE=--cache-dir=/dev/null)
	@$(MAKE) --no-print-directory test-worlds

lint: $(STAMP) ## style, types and layers only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	nice -n 5 $(BIN)/mypy $(MYPY_CACHE)
	$(BIN)/lint-imports

check: lint ## before each commit: lint, and the tests of model and stages; a minute of CPU
	HYPOTHESIS_PROFILE=check $(BIN)/pytest -n 0 -q tests/unit/model tests/unit/stages

# Tests start hundreds of short programs, and each compiles vampd again where it may not keep that;
# a benchmark would measure this.
test check lint pytest test-rules test-parts test-units test-worlds soak bench bench-load bench-idle bench-status bench-legacy bench-web: export PYTHONDONTWRITEBYTECODE =

PYTEST = $(BIN)/pytest --dist worksteal
pytest: test-units test-worlds

# In two parts, which `make test` runs beside each other: coverage is measured where it belongs to, in
# the tests of model and stages, because it doubles the time of those that compute.
test-units: test-rules test-parts

test-rules: kernels $(STAMP)
	$(PYTEST) -n $(UNIT_JOBS) tests/unit/model tests/unit/stages --cov

test-parts: kernels $(STAMP)
	$(PYTEST) -n $(UNIT_JOBS) tests/unit --ignore=tests/unit/model --ignore=tests/unit/stages

# Compiled once, and not in each of the processes that come to need them at the same time.
kernels: $(STAMP)
	$(BIN)/python -m vampd.fits.preload

# Its processes are forked from one that has imported the tests.
WORLDS = --ignore=tests/unit
WORKERS = --tx '$(JOBS)*popen//python=$(BIN)/python -m tests.support.forked.worker $(WORLDS)'
test-worlds: debian-test kernels $(STAMP)
	$(PYTEST) $(if $(filter 0,$(JOBS)),-n 0,$(WORKERS)) --durations=10 $(WORLDS)

sync-scenarios: $(STAMP) ## judge sync on every named scenario, SEEDS nights each; MINUTES=30 for a part, SEED=1; NIGHTS=500 random, rough and event nights
	$(BIN)/python -m tests.evaluation --seeds $(SEEDS) $(if $(SEED),--first $(SEED)) \
		$(if $(NIGHTS),--random $(NIGHTS) --jobs $(shell nproc)) \
		$(if $(MINUTES),--minutes $(MINUTES) --jobs $(shell nproc))

# SUITE names parts (default: all); SEED is of the first round, by default the next unused one.
soak: setup debian-soak debian-browser $(BROWSER) ## the long suites, which test omits, MINUTES=30 each; SUITE=crash for a part, SEED=1000
	$(BIN)/python -m tests.soak $(SUITE) $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES))

pictures: debian-browser $(BROWSER) ## draw the page as docs/images has it
	$(BIN)/python -m docs.pictures

# The resolver keeps the versions that the locks name as far as pyproject.toml allows; UPGRADE=1 takes
# the newest. All that it reads is pyproject.toml, so that no machine's settings get into a lock.
RESOLVER = build/resolver
COMPILE = $(RESOLVER)/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

lock: ## renew requirements*.lock after a change of dependencies; UPGRADE=1 for the newest versions
	$(PYTHON) -m venv $(RESOLVER)
	$(RESOLVER)/bin/python -m pip install --quiet 'uv>=0.9'
	$(COMPILE) --all-extras --no-emit-package vampd -o requirements-dev.lock pyproject.toml
	$(COMPILE) -c requirements-dev.lock -o requirements.lock pyproject.toml
	$(COMPILE) -c requirements-dev.lock --extra web -o requirements-web.lock pyproject.toml
	$(COMPILE) -c requirements-dev.lock --extra dask -o requirements-crew.lock pyproject.toml
	$(COMPILE) -c requirements-dev.lock --group build -o requirements-build.lock
	$(COMPILE) -c requirements-dev.lock --group browser -o requirements-browser.lock

# Its own environment under $(APPLICATION), new each time, so that nothing old is left over.
# What builds is there only meanwhile, beside the packages, which therefore are installed whether or
# not the tools have brought one of them.
install: TOOLS = $(abspath $(DESTDIR)$(APPLICATION)/build)
install: PIP = $(DESTDIR)$(APPLICATION)/bin/python -m pip install --quiet --no-compile
# The page's own packages come with WEB=1 alone, those of more hosts with CREW=1; vampd and vampctl
# are the same without. What two locks name has one version (`make lock`).
install: NAMED = requirements.lock $(if $(WEB),requirements-web.lock) $(if $(CREW),requirements-crew.lock)
install: debian-run ## install for this machine: PREFIX=/usr/local, DESTDIR= for packages, WEB=1 for the page, CREW=1 for more hosts
	$(PYTHON) -m venv --clear $(DESTDIR)$(APPLICATION)
	$(PIP) --require-hashes --target $(TOOLS) -r requirements-build.lock
	PYTHONPATH=$(TOOLS) $(PIP) $(LOCKED) --ignore-installed $(addprefix -r ,$(NAMED))
	PYTHONPATH=$(TOOLS) $(PIP) $(UNLOCKED) --ignore-installed .
	rm -r $(TOOLS)
	$(DESTDIR)$(APPLICATION)/bin/python -m docs.manual $(DESTDIR)$(SHARE)/man
	$(DESTDIR)$(APPLICATION)/bin/python -m docs.completion $(DESTDIR)$(SHARE)
	find $(DESTDIR)$(APPLICATION) -name __pycache__ -type d -prune -exec rm -rf {} +
ifneq ($(DESTDIR),)
	find $(DESTDIR)$(APPLICATION)/bin $(DESTDIR)$(APPLICATION)/pyvenv.cfg -type f \
		-exec sed -i 's,$(DESTDIR)$(APPLICATION),$(APPLICATION),g' {} +
endif
	# The service cannot write here, and would compile everything at each start.
	$(PYTHON) $(COMPILE_PACKAGES) '/tests/' $(if $(DESTDIR),-s $(DESTDIR)) $(DESTDIR)$(APPLICATION)/lib
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR)/vampd $(DESTDIR)$(SHARE)/doc/vampd
	ln -sf $(APPLICATION)/bin/vampd $(APPLICATION)/bin/vampctl $(DESTDIR)$(PREFIX)/bin/
	install -d $(addprefix $(DESTDIR)$(SYSTEMD_LIB)/,systemd/system sysusers.d tmpfiles.d)
	sed 's,=/usr/local/bin/,=$(PREFIX)/bin/,' systemd/vampd.service \
		> $(DESTDIR)$(SYSTEMD_LIB)/systemd/system/vampd.service
ifneq ($(WEB),)
	ln -sf $(APPLICATION)/bin/vampd-web $(DESTDIR)$(PREFIX)/bin/
	sed 's,=/usr/local/bin/,=$(PREFIX)/bin/,' systemd/vampd-web.service \
		> $(DESTDIR)$(SYSTEMD_LIB)/systemd/system/vampd-web.service
endif
ifneq ($(CREW),)
	ln -sf $(APPLICATION)/bin/vampd-worker $(DESTDIR)$(PREFIX)/bin/
	for unit in vampd-scheduler vampd-worker; do \
		sed 's,=/usr/local/bin/,=$(PREFIX)/bin/,; s,=/usr/local/lib/vampd/,=$(APPLICATION)/,' \
			systemd/$$unit.service > $(DESTDIR)$(SYSTEMD_LIB)/systemd/system/$$unit.service; done
endif
	install -m 644 systemd/vampd.sysusers $(DESTDIR)$(SYSTEMD_LIB)/sysusers.d/vampd.conf
	install -m 644 systemd/vampd.tmpfiles $(DESTDIR)$(SYSTEMD_LIB)/tmpfiles.d/vampd.conf
	install -m 644 systemd/owner.conf config/prometheus/vampd.rules.yml $(DESTDIR)$(SHARE)/doc/vampd/
	install -m 644 config/grafana/vampd.json $(DESTDIR)$(SHARE)/doc/vampd/vampd.grafana.json
	# For the archive host, where it is copied to.
	$(DESTDIR)$(APPLICATION)/bin/python -I -m vampd.adapters.archive.gate \
		> $(DESTDIR)$(SHARE)/doc/vampd/vampd-archive-gate
	# Existing settings stay.
	test -e $(DESTDIR)$(SYSCONFDIR)/vampd/vampd.toml || \
		install -m 644 config/vampd.toml $(DESTDIR)$(SYSCONFDIR)/vampd/vampd.toml
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then \
		systemd-sysusers && systemd-tmpfiles --create vampd.conf && systemctl daemon-reload; fi
	@echo "Now edit $(SYSCONFDIR)/vampd/vampd.toml, name the owner of the nights in a drop-in" \
		"($(SHARE)/doc/vampd/owner.conf), and: systemctl enable --now vampd"
endif

uninstall: ## remove what install added; the settings and the database stay
ifeq ($(DESTDIR),)
	if [ -d /run/systemd/system ]; then \
		for unit in vampd-web vampd-worker vampd-scheduler vampd; do systemctl disable --now $$unit.service || true; done; fi
endif
	rm -f $(addprefix $(DESTDIR),$(INSTALLED_FILES))
	rm -rf $(DESTDIR)$(APPLICATION) $(DESTDIR)$(SHARE)/doc/vampd

clean: ## remove .venv and what builds and checks leave behind
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis \
		.import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

debian-run:
	$(call debian,$(DEBIAN_RUN))

debian-test: | debian-run
	$(call debian,$(DEBIAN_TEST))

debian-soak: | debian-test
	$(call debian,$(DEBIAN_SOAK))

debian-browser: | debian-run
	$(call debian,$(DEBIAN_BROWSER))

$(STAMP): pyproject.toml requirements-build.lock requirements-dev.lock | debian-run
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements-build.lock
	$(BIN)/python -m pip install --quiet --no-compile $(LOCKED) -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --no-compile $(UNLOCKED) --editable .
	# A third more is used once or never: mypy is compiled already, the others build, color and print.
	$(BIN)/python $(COMPILE_PACKAGES) '/(tests|pip|setuptools|mypyc?|pygments|fontTools)/' $(VENV)/lib
	touch $@

$(BROWSER): requirements-browser.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements-browser.lock
	touch $@
