# The two commands are `make lab` and `make test`; `make help` lists the others.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PARSERS_VENV := .venv-parsers
# Of `make test-tools`; they may be outside of the tree: make test-tools TOOLS_VENV=~/.cache/tools.
TOOLS_VENV := .venv-tools
ANSIBLE_VENV := .venv-ansible
API_VENV := .venv-api
# Of `make test-python`: the environment of another Python.
OTHER_VENV := .venv-other
# Which Python makes the virtual environment; unset, scripts/find-python chooses.
PYTHON ?=
# `no` leaves the Rust data plane out even where it could be built.
ENGINE ?= auto
# Test processes at a time.
JOBS ?= 2
# Of the campaign in `make test-all`: how long, and the seed of its first run.
ROUTER_HOURS ?= 2000
SEED ?= 1
# Of `make test-fresh`: no new round of examples begins after these; the seed of its first round, unset a new one;
# --report: end with 0 whatever the examples find.
FRESH_MINUTES ?= 15
FRESH_SEED ?=
FRESH_OPTIONS ?=
# Of `make test-slow`: no new test begins after these; the seed of the order of its files.
SLOW_MINUTES ?= 30
SLOW_SEED ?= 1
# Of `make fuzz`: for each target; what is drawn first, 0 for other octets each time.
FUZZ_SECONDS ?= 30
FUZZ_SEED ?= 0
# Of `make deb`: the minor versions of Python for which there is to be a package; those of Debian 12 and 13.
PYTHONS ?= 3.11 3.13
FUZZ_TARGETS := ike-message ikev1 ike-payloads ike-stranger ike-peer ikev1-stranger ikev1-peer ikev1-signer esp ospf-packet \
  nhrp-message nhrp-router eigrp-message eigrp-router rip-message rip-router bgp-message bgp-router dhcp dhcp6 configuration typed

export PYTHON ENGINE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP = $(BIN)/python -m pip install --quiet --require-hashes
PYTEST = $(BIN)/python -m pytest
# Everything but interop and bench; a folder that is empty does not exist in a clone.
COMPUTING = $(wildcard tests/unit tests/property tests/scenarios)
WAITING = $(wildcard tests/contract tests/lab)
TOOLS_TESTS = $(wildcard tests/tools)
TESTS = $(COMPUTING) $(WAITING)
SMOKE = "tests/scenarios/test_campaign_hashes.py::test_a_network_lives_as_before[intro-phase3]"
HAS_BUILDAH = { command -v mmdebstrap && command -v buildah; } >/dev/null || { echo "mmdebstrap or buildah is missing. Run: scripts/debian-packages packages" >&2; exit 1; }
HAS_PEERS = { command -v go && command -v cargo; } >/dev/null || { echo "go or cargo is missing: their projects say how to install them" >&2; exit 1; }
HAS_ROOT = [[ $$EUID -eq 0 ]] || { echo "it needs root. Run: sudo make $@" >&2; exit 1; }
HAS_UML = command -v linux.uml >/dev/null || { echo "user-mode Linux is missing. Run: scripts/debian-packages interop" >&2; exit 1; }
# What `make lint` spells.
SPELLED = README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md docs src/dmvpn
SOURCES := $(shell find src -name '*.py' 2>/dev/null)
ENGINE_SOURCES := $(shell find engine -name target -prune -o -type f \( -name '*.rs' -o -name '*.pyi' -o -name 'Cargo.*' \) -print 2>/dev/null)

.PHONY: help setup setup-dev engine lab check test test-all test-slow test-fresh test-python test-interop test-interop-smoke test-parsers test-tools test-api test-packages test-docs fuzz coverage lint format cost bench bench-peers docs dist deb tab lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- set-up: each stamp file is written last, so that a broken-off step is done again ------------------------------

setup: $(VENV)/.ready $(VENV)/.compiled $(VENV)/.engine ## virtual environment, the package, the engine where cargo allows it
setup-dev: setup $(VENV)/.ready-dev ## the tools for tests and lint too

# An environment that is there and new enough is kept, whoever made it.
$(VENV)/.ready: requirements/runtime.txt requirements/client.txt requirements/build.txt pyproject.toml
	@if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  python=$$(scripts/find-python) && rm -rf $(VENV) && "$$python" -m venv $(VENV); fi
	@echo "setup: installing into $(VENV) ($$($(BIN)/python --version))"
	@$(PIP) -r requirements/runtime.txt -r requirements/client.txt -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Bytecode of a clone, and its index (src/dmvpn/shells/index.py): without it, or where it is older than its source, each command compiles for a second or two.
$(VENV)/.compiled: $(SOURCES) $(VENV)/.ready
	@$(BIN)/python -m compileall -q src || echo "setup: no bytecode in src: commands compile as they start"
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'from dmvpn.app.listing import known; known()'
	@touch $@

$(VENV)/.ready-dev: requirements/dev.txt requirements/pool.txt $(VENV)/.ready
	@echo "setup: installing the tools for tests and lint"
	@$(PIP) -r requirements/dev.txt -r requirements/pool.txt
	@touch $@

$(VENV)/.engine: requirements/engine.txt $(ENGINE_SOURCES) | $(VENV)/.ready
	@scripts/build-engine $(VENV)
	@touch $@

engine: $(VENV)/.ready ## build the engine again, after cargo came or a build failed
	@scripts/build-engine $(VENV)
	@touch $(VENV)/.engine

# --- the two commands ---------------------------------------------------------------------------------------------

lab: setup ## hub, spokes and a provider on this machine; a short story; the lab stays up
	@scripts/first-light

test: setup-dev ## the tests of every day: unit, property, scenarios, data planes, lab
	@PYTHONPATH=tests $(BIN)/python -m support.halves --jobs $(JOBS) --computing $(COMPUTING) --waiting $(WAITING)

# Types are checked beside the tests: mypy alone would leave the other processors idle.
check: setup-dev ## between two edits, about a minute: lint, types, quick tests, few examples of each property, a short simulation
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --no-error-summary & types=$$!; tests=0; \
	HYPOTHESIS_PROFILE=few $(PYTEST) -n $(JOBS) -m "not slow and not lengthy" $(wildcard tests/unit tests/property) $(SMOKE) || tests=$$?; \
	wait $$types && exit $$tests

# --- further tests ------------------------------------------------------------------------------------------------

test-all: setup-dev ## the same with the slow ones, 500 examples for each property, 2,000 router-hours of faults
	@HYPOTHESIS_PROFILE=ci $(PYTEST) -n $(JOBS) $(TESTS)
	@$(BIN)/dmvpn simulate --campaign $(ROUTER_HOURS) --jobs $(JOBS) --seed $(SEED)
	@$(MAKE) test-tools
	@$(MAKE) fuzz
	@if scripts/cargo-ready; then cargo test --manifest-path engine/Cargo.toml; fi

test-slow: setup-dev ## the tests of tests/slow_tests.txt, SLOW_MINUTES long; SLOW_SEED=2 begins with those of other files
	@TEST_MINUTES=$(SLOW_MINUTES) TEST_SEED=$(SLOW_SEED) $(PYTEST) -n $$((2 * $(JOBS))) -m listed $(TESTS)

test-fresh: setup-dev ## every property with new examples, FRESH_MINUTES long; what fails is kept, to be committed
	@cd tests && ../$(BIN)/python -m support.fresh --minutes $(FRESH_MINUTES) --jobs $(JOBS) $(addprefix --seed ,$(FRESH_SEED)) $(FRESH_OPTIONS)

test-python: ## unit, property and scenario tests, and simulated labs, under another Python: make test-python PYTHON=python3.13
	@$(MAKE) VENV=$(OTHER_VENV) setup-dev
	@$(OTHER_VENV)/bin/python -m pytest -n $(JOBS) -m "not slow and not lab" $(COMPUTING) $(wildcard tests/lab)

test-interop-smoke: setup-dev ## the quick tests with FRR in user-mode Linux, about a minute (root)
	@$(HAS_ROOT)
	@$(HAS_UML)
	@$(PYTEST) -m "interop and not slow" tests/interop

test-interop: setup-dev ## all tests with foreign daemons, most in user-mode Linux: FRR, strongSwan, others; a quarter of an hour (root)
	@$(HAS_ROOT)
	@$(HAS_UML)
	@$(PYTEST) tests/interop

test-parsers: setup-dev $(PARSERS_VENV)/.ready ## show outputs under the parsers of automation users (downloads 800 MB)
	@scripts/check-goldens $(PARSERS_VENV)/bin/python

test-tools: setup-dev $(TOOLS_VENV)/.ready $(ANSIBLE_VENV)/.ready $(PARSERS_VENV)/.ready $(API_VENV)/.ready ## NAPALM, Ansible, pyATS and others at a simulated lab (downloads 1.5 GB)
	@TOOLS_VENV=$(TOOLS_VENV) ANSIBLE_VENV=$(ANSIBLE_VENV) PARSERS_VENV=$(PARSERS_VENV) API_VENV=$(API_VENV) $(PYTEST) -n $(JOBS) $(TOOLS_TESTS)

test-api: setup-dev $(API_VENV)/.ready ## two minutes: schemathesis and a generated client at the web API of a simulated lab (downloads 60 MB)
	@API_VENV=$(API_VENV) $(PYTEST) tests/tools/test_web_api.py

$(PARSERS_VENV)/.ready: requirements/parsers.txt
$(TOOLS_VENV)/.ready: requirements/tools.txt
$(ANSIBLE_VENV)/.ready: requirements/ansible.txt
$(API_VENV)/.ready: requirements/api.txt
$(PARSERS_VENV)/.ready $(TOOLS_VENV)/.ready $(ANSIBLE_VENV)/.ready $(API_VENV)/.ready:
	@python=$$(scripts/find-python) && rm -rf $(@D) && "$$python" -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --require-hashes -r $<
	@touch $@

fuzz: setup-dev ## atheris on what strangers and peers send, FUZZ_SECONDS for each target
	@if ! $(PIP) --only-binary :all: -r requirements/fuzz.txt; then echo "fuzz: skipped, no atheris for this Python"; \
	else for target in $(FUZZ_TARGETS); do (cd tests && ../$(BIN)/python -m fuzz $$target --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED)) || exit 1; done; fi

coverage: setup-dev ## line and branch coverage of `make test`
	@$(BIN)/python -m coverage erase
	@$(BIN)/python -m coverage run -m pytest -q -m "not slow" $(TESTS)
	@$(BIN)/python -m coverage combine --quiet && $(BIN)/python -m coverage report

cost: setup-dev ## half a minute: calls, octets kept and modules, compared with those of an earlier commit (tests/bench/cost.toml)
	@cd tests && ../$(BIN)/python -m support.cost

bench: setup-dev ## the benchmarks; BENCH="--quick", BENCH="--only start,direct" ...: see tests/bench/__main__.py
	@PYTHONPATH=tests $(BIN)/python -m bench $(BENCH)

bench-peers: ## wireguard-go, gotatun and boringtun as they are now, for `make bench` to measure beside ours (go, cargo)
	@$(HAS_PEERS)
	@mkdir -p build/peers/bin
	@GOBIN=$(CURDIR)/build/peers/bin go install golang.zx2c4.com/wireguard@latest
	@mv build/peers/bin/wireguard build/peers/bin/wireguard-go-new
	@cargo install --quiet --root build/peers gotatun-cli boringtun-cli

# --- what is handed on --------------------------------------------------------------------------------------------

dist: setup ## wheels and sources of the package and of the engine, into dist/
	@scripts/build-dist $(VENV)

deb: dist ## Debian packages with an environment of their own, into dist/; PYTHONS="3.11 3.13": for these versions
	@scripts/build-deb $(VENV) $(PYTHONS)

# CRYPTOGRAPHY="FILE ...": wheels of cryptography and what it needs, for the platform of Pyodide; without them labs
# with protected tunnels do not run there.
tab: setup ## the lab in a tab: a folder for any server of files, into build/tab (node, downloads 10 MB)
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "tab: node or npm is missing. Run: apt-get install nodejs npm" >&2; exit 1; }
	@node scripts/make-tab.mjs build/tab $(CRYPTOGRAPHY)

test-packages: setup-dev deb ## both, installed in a bare Debian that mmdebstrap makes, and the container, by buildah (root, downloads 200 MB)
	@$(HAS_BUILDAH)
	@$(PYTEST) tests/packages

# The old site goes first: a page that is gone must not be found in the new one.
docs: setup-dev $(VENV)/.ready-docs ## the documentation as a site that can be searched, into build/site
	@rm -rf build/site
	@$(BIN)/python -m sphinx -q -W --keep-going -j $(JOBS) -c docs/_site -d build/site-cache docs build/site
	@echo "docs: open build/site/index.html"

test-docs: docs ## the same, opened in Chromium: searched, without an error, without a request to other machines
	@$(PYTEST) tests/site

$(VENV)/.ready-docs: requirements/docs.txt $(VENV)/.ready-dev
	@$(PIP) -r requirements/docs.txt
	@touch $@

# --- the code -----------------------------------------------------------------------------------------------------

lint: setup-dev ## ruff, mypy, the rooms, spelling, plain English; tsc and cargo where they are
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell $(SPELLED)
	$(BIN)/python scripts/plain-english
	@if command -v tsc >/dev/null; then tsc -p src/dmvpn/web/page/jsconfig.json; \
	  else echo "lint: no TypeScript, so the page's modules are not checked. Run: scripts/debian-packages interop"; fi
	@if scripts/cargo-ready; then \
	  cargo fmt --check --manifest-path engine/Cargo.toml && \
	  cargo clippy --all-targets --all-features --manifest-path engine/Cargo.toml -- -D warnings; fi

format: setup-dev ## let ruff put imports and layout right
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

lock: ## pin requirements/*.txt again from requirements/*.in
	@scripts/lock-requirements

clean: ## remove everything that make has made
	rm -rf $(VENV) $(PARSERS_VENV) .venv-tools .venv-ansible $(API_VENV) $(OTHER_VENV) build dist engine/target htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache tests/interop/uml/out
	find src tests -type d -name __pycache__ -prune -exec rm -rf {} +
