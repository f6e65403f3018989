# Loom's commands. Two of them are all a newcomer needs: `make run` and `make test`.
#
# A fresh Debian machine needs only Node.js (20.19 or newer, with npm), Python 3 and make; the rest is installed here,
# and nothing is done twice.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := node_modules/.bin

# Flags of Loom for `make run`, for example RUN_ARGS="--provider local".
RUN_ARGS ?=
# Suites for `make test`, for example SUITES="unit integration".
SUITES ?=
# Templates for `make catalog-test`; without any all are run, and their times written to docs/catalog.md.
CATALOG_ARGS ?=
# Flags of the benchmarks.
BENCH_ARGS ?=
# What fresh-check tries: users (root, user) and commands (run, test).
FRESH_USERS ?= root user
FRESH_COMMANDS ?= run test

.PHONY: help
help: ## Say what there is
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Using Loom

.PHONY: run
run: build ## Start Loom with a first cluster and stay until Ctrl-C (RUN_ARGS=...)
	@exec node --enable-source-maps build/services/standalone/main.js $(RUN_ARGS)

.PHONY: debian-image
debian-image: ## Make the Docker image that nodes of provider docker run
	@sh tools/docker/debian-image.sh

##@ Building

.PHONY: install
install: ## Install the npm packages of the lock file
	@sh tools/install.sh

.PHONY: generate
generate: install ## Make gen/ from proto/ and db/schema.prisma
	@sh tools/generate.sh

.PHONY: build
build: generate ## Compile to build/
	@sh tools/build.sh

.PHONY: clean
clean: ## Remove what was generated and compiled; clusters and data stay
	rm -rf build gen coverage

.PHONY: distclean
distclean: clean ## Remove the npm packages too
	rm -rf node_modules

##@ Testing

.PHONY: test
test: build packages ## Check and test everything (SUITES="unit docker" for some of it)
	@node --import tsx tools/test/main.ts $(SUITES)

.PHONY: unit
unit: generate ## Run the unit tests alone
	@node --import tsx tools/test/main.ts unit parts

.PHONY: chaos
chaos: build packages ## Kill Loom at many seeded moments and compare (LOOM_SEED=...)
	@LOOM_CHAOS=long node --import tsx tools/test/main.ts chaos

.PHONY: catalog-test
catalog-test: build packages ## Do everything to a cluster of every template on Docker (CATALOG_ARGS=...)
	@node --import tsx test/catalog/main.ts $(CATALOG_ARGS)

.PHONY: bench
bench: build packages ## Measure Loom's speed (BENCH_ARGS=...)
	@node --import tsx test/bench/main.ts $(BENCH_ARGS)

.PHONY: coverage
coverage: generate ## Run the unit tests and show what they do not reach, in coverage/
	@$(BIN)/c8 --reporter=text-summary --reporter=html --include=services --include=gateway --include=cli \
		node --import tsx tools/test/main.ts unit parts

.PHONY: fresh-check
fresh-check: ## Run the README's commands in a bare container (FRESH_USERS=..., FRESH_COMMANDS=...)
	@sh tools/fresh-check/main.sh "$(FRESH_USERS)" "$(FRESH_COMMANDS)"

# What tests and benchmarks use of Debian, where it is missing: a Docker daemon, a way to make a Debian image, an older
# PostgreSQL with its client programs, the shells that completion is for.
.PHONY: packages
packages:
	@sh tools/packages.sh docker.io:dockerd mmdebstrap:mmdebstrap iproute2:ip shellcheck:shellcheck zsh:zsh fish:fish \
		openssh-server:/usr/sbin/sshd \
		'postgresql:/usr/lib/postgresql/*/bin/pgbench'

##@ Checking

.PHONY: check
check: generate ## Format, lint, contracts, types, scripts, texts
	@$(MAKE) -k check-format check-lint check-proto check-types check-scripts check-texts

.PHONY: check-format check-lint check-proto check-types check-scripts check-texts
check-format:
	@$(BIN)/prettier --check --log-level warn $(FORMATTED) || { echo "format: run 'make format'"; exit 1; }

check-lint:
	@$(BIN)/oxlint --type-aware --deny-warnings

check-proto:
	@npm run --silent proto:check

check-types:
	@$(BIN)/tsc --noEmit -p .

check-scripts:
	@sh tools/check/scripts.sh

check-texts:
	@node --import tsx tools/check/main.ts

.PHONY: format
format: install ## Format everything
	@$(BIN)/prettier --write --log-level warn $(FORMATTED)
	@$(BIN)/buf format -w proto

FORMATTED = '**/*.{ts,mjs,json,yaml,yml}'

##@ Keeping up

.PHONY: baseline
baseline: install ## Take today's contracts as what must not break
	@npm run --silent proto:baseline

.PHONY: lock
lock: ## Write package-lock.json after a change of package.json, for every platform
	@npm install --package-lock-only --ignore-scripts
	@node tools/complete-lock.mjs

.PHONY: recording
recording: build ## Record the terminal that the README shows
	@sh tools/record-terminal/readme.sh
