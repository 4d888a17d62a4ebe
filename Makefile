# trademesh: `make` lists the verbs. Everything happens in .venv, which `make setup` builds from requirements.lock.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run check test replay pictures sim mutants chaos fuzz bench bench-terminal bench-venue bench-restart soak lint types lock

BIN := .venv/bin
# the lock rebuilds the environment, and so does a moved checkout; the other two only reinstall the checkout into it
LOCKED = $$( { cat requirements.lock; pwd; } | sha256sum | cut -d ' ' -f 1)
LINKED = $$(cat pyproject.toml setup.cfg | sha256sum | cut -d ' ' -f 1)
PYTEST := $(BIN)/python -m pytest

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## build .venv from requirements.lock, when the lock changed
	@if [ -L .venv ]; then echo "make: .venv is a link, and setup would empty what it leads to: remove the link" >&2; exit 1; fi
	@locked=$(LOCKED); linked=$(LINKED); \
	if [ "$$(cat .venv/locked 2>/dev/null || true)" != "$$locked" ] || ! $(BIN)/python -c ''; then \
		python=; \
		for candidate in python3 python3.11 python3.12 python3.13 python3.14; do \
			if $$candidate -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
				python=$$candidate; break; \
			fi; \
		done; \
		if [ -z "$$python" ]; then \
			echo "make: Python 3.11 or newer with its venv module is missing. Install it with:" >&2; \
			echo "  apt-get update && apt-get install -y python3 python3-venv" >&2; \
			exit 1; \
		fi; \
		echo "setup 1/3: .venv with $$($$python --version)"; \
		if [ -e .venv/locked ]; then $$python -m venv --clear .venv; else $$python -m venv .venv; fi; \
		echo "setup 2/3: $$(grep -c '==' requirements.lock) pinned packages from requirements.lock"; \
		$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock; \
		echo "$$locked" > .venv/locked; \
	fi; \
	if [ "$$(cat .venv/linked 2>/dev/null || true)" != "$$linked" ]; then \
		echo "setup 3/3: this checkout, editable"; \
		$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .; \
		echo "$$linked" > .venv/linked; \
		echo "setup done: $(BIN)/mesh --help"; \
	fi

# On a terminal the mesh gets a foreground process group of its own, so that Ctrl-C reaches it and not make:
# make would report an error, while the mesh drains, prints its summary and ends with 0. Without a terminal at its input make gets
# an interrupt of the whole group too and reports 130, whatever the mesh says: `mesh down` ends such a run, and both with 0.
run: setup ## a whole mesh on a seeded synthetic market at 60 times its pace; Ctrl-C stops it
	@if [ -t 0 ]; then set -m; fi; $(BIN)/mesh up --console || exit

check: lint types ## lint, types and the fast pure tests: under 2 minutes
	@$(PYTEST) -n 2 -m "not slow and not wire and not e2e" || [ $$? -eq 5 ]

test: lint types ## everything that proves it: lint, types, pure tests, real sockets, whole meshes
	@$(PYTEST) -n 2 --dist worksteal

replay: setup ## SIGNALS=10000 signals through 23 locals in one replay; three books compared, report kept
	@$(BIN)/python -m tests.e2e.replay $(or $(SIGNALS),10000) $(or $(REPORT),replay-report.json)

pictures: setup ## the pictures of the README, from a demo that runs
	@$(BIN)/python -m tests.e2e.shots tui/pictures

sim: setup ## the mesh in virtual time under faults: SEEDS=2000 FIRST=1 [TWICE=1], or SEED=17 [STORY=-] [SHRINK=1] [OFF=kind,…] [UNTIL=ms]
	@$(BIN)/python -m tests.sim.$(if $(TWICE),twice,simulate) $(if $(SEED),--seed $(SEED) $(if $(STORY),--story $(STORY)),--seeds $(or $(SEEDS),2000) --first $(or $(FIRST),1)) \
		$(if $(OFF),--off $(OFF)) $(if $(ONLY),--only $(ONLY)) $(if $(UNTIL),--until $(UNTIL)) $(if $(LONG),--long) $(if $(SHRINK),--shrink)

mutants: setup ## planted protocol bugs, each to be found within SEEDS=500 seeds [ONLY=name,…]; all cores, table kept
	@$(BIN)/python -m tests.sim.mutants.table --seeds $(or $(SEEDS),500) $(if $(ONLY),--only $(ONLY))

chaos: setup ## MINUTES=10 of faults over a real mesh: processes, links, disks, clocks; [SEED= LOCALS= RATE= ONLY=kind,…]; REPORT kept
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) --locals $(or $(LOCALS),12) --rate $(or $(RATE),4) \
		$(if $(ONLY),--only $(ONLY)) --report $(or $(REPORT),chaos-report.json)

fuzz: setup ## each reader of others' bytes, led by coverage: MINUTES=5 in all [ONLY=name,…]; corpus and findings stay in build/fuzz
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),5) $(if $(ONLY),--only $(ONLY))

bench: setup ## the figures the mesh promises, each against its limit: a pass of under 5 minutes; `mesh bench --help` has the rest
	@$(BIN)/mesh bench figures --json $(or $(JSON),bench.json) --html $(or $(HTML),bench.html)

bench-terminal: setup ## the simulated terminal: order_send, growth with open positions, ticks a second
	@$(BIN)/python -m bench.terminal

bench-venue: setup ## what the adapter and its worker's pipe add to an order_send
	@$(BIN)/python -m bench.venue_overhead

bench-restart: setup ## RECORDS=100000 orders in a local's store: from its start to its first full scan
	@$(BIN)/python -m bench.restart --records $(or $(RECORDS),100000) --starts $(or $(STARTS),30)

soak: setup ## MINUTES=60 of 20 orders and 2,000 states a second over a whole mesh: growth, lag; [LOCALS=4 RATE=20], report kept
	@$(BIN)/mesh bench soak --seconds $$(( $(or $(MINUTES),60) * 60 )) --locals $(or $(LOCALS),4) --rate $(or $(RATE),20) \
		--json $(or $(JSON),soak.json) --html $(or $(HTML),soak.html)

lint: setup
	@$(BIN)/ruff check .

# once more as on Windows, where nobody has run it; the bench is Linux' own
types: setup
	@$(BIN)/mypy
	@$(BIN)/mypy --platform win32 --follow-imports silent --cache-dir .mypy_cache/win32

lock: setup ## write requirements.lock anew from pyproject.toml; what is pinned stays where it may
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet uv
	@cp requirements.lock requirements.lock.new
	@$(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --extra mt5 \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file requirements.lock.new pyproject.toml
	@mv requirements.lock.new requirements.lock
