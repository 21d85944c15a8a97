# make            what there is to make
# make run        from a clean clone to a picture
# make test       everything that CI runs

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
LISTEN ?= 127.0.0.1:8080
# More arguments for `make run`, such as ARGS='--config my.toml'.
ARGS ?=

# The lock file is what was tested.
LOCKED := --locked
# A GLib or GStreamer critical is a bug: let it abort the test that caused it.
TEST_ENV := G_DEBUG=fatal-criticals RUST_BACKTRACE=1
# A deadlock is a red test. nextest knows limits for each test; plain cargo has this one for all.
TEST_TIMEOUT := 20m

# Where `make install` puts things. DESTDIR comes before all of them, for packagers.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/lib/systemd/system,/etc/systemd/system)
DESTDIR ?=

# Tools that only auditors need, built on demand and kept apart from the user's.
TOOLS := target/tools
CARGO_DENY := 0.20.2
CARGO_CYCLONEDX := 0.5.9

# With SOAK_LEAK=1 the soak leaks on purpose, and the server with it where it can.
LEAK = $(if $(filter 1,$(SOAK_LEAK)),--features leak)

# Each step needs the one before it, and cargo is parallel by itself.
.NOTPARALLEL:

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: build ## Set up, build and start on LISTEN (127.0.0.1:8080) with test streams if there are none
	exec $(CARGO) run --release $(LOCKED) --quiet -- serve --listen $(LISTEN) --demo $(ARGS)

.PHONY: build
build: setup web ## Build the release binary, the page in it
	$(CARGO) build --release $(LOCKED)

# What the page is made of.
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/tests/*')

.PHONY: web
web: web/dist/index.html ## Build the page into web/dist, if its sources are newer (needs node 18 or newer)

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.package-lock.json
	cd web && npm run --silent build </dev/null

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@scripts/setup.sh run
	cd web && npm ci --no-audit --no-fund </dev/null
	@touch $@

.PHONY: install
install: ## Install program, systemd units, licences and dashboards below PREFIX (/usr/local), for who has built it
	scripts/install.sh install

.PHONY: uninstall
uninstall: ## Remove what install put there; configuration and data stay
	scripts/install.sh uninstall

export PREFIX SYSCONFDIR UNITDIR DESTDIR

.PHONY: setup
setup: ## Install what building and running need, if it is missing (Debian, Ubuntu)
	@scripts/setup.sh run

.PHONY: setup-test
setup-test: ## Install what the tests need, and fetch the test media
	@scripts/setup.sh test
	@scripts/media.sh

.PHONY: media
media: ## Fetch and derive the test media into .media
	@scripts/media.sh

.PHONY: clean-media
clean-media: ## Remove the test media
	rm -rf .media

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt

.PHONY: lint
lint: setup web ## Check formatting and lints, warnings being errors
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy
	$(CARGO) fmt --check
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings

.PHONY: test
test: setup-test web lint ## Everything that CI runs: formatting, lints, all tests
	cd web && npm test --silent </dev/null
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		echo "test: with cargo nextest"; \
		$(TEST_ENV) $(CARGO) nextest run $(LOCKED) </dev/null; \
		$(TEST_ENV) timeout $(TEST_TIMEOUT) $(CARGO) test $(LOCKED) --doc </dev/null; \
	else \
		echo "test: with cargo test (cargo nextest is not installed)"; \
		$(TEST_ENV) timeout $(TEST_TIMEOUT) $(CARGO) test $(LOCKED) </dev/null; \
	fi
	$(MAKE) test-page PAGE_TESTS='$(PAGE_SMOKE)'

.PHONY: test-harness
test-harness: setup-test ## Try the origin and the clients that the tests are made with
	$(TEST_ENV) $(CARGO) test $(LOCKED) --test harness -- --test-threads 1 </dev/null

tests/page/node_modules/.package-lock.json: tests/page/package.json tests/page/package-lock.json
	@scripts/setup.sh run
	cd tests/page && npm ci --no-audit --no-fund </dev/null
	@touch $@

# The programs that the page is tried with.
DEBUG := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/debug/sightglass
RELEASE := $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/release/sightglass
# Some of the tests, such as PAGE_TESTS='wall login'; those that `make test` runs, which take less than a minute.
PAGE_TESTS ?=
PAGE_SMOKE := picture edit stream

.PHONY: test-page
test-page: setup-test web tests/page/node_modules/.package-lock.json ## Use the page in a real browser, with the real server and real footage
	$(CARGO) build $(LOCKED)
	SIGHTGLASS=$(DEBUG) node tests/page/run.mjs $(PAGE_TESTS) </dev/null

.PHONY: screenshots
screenshots: setup-test web tests/page/node_modules/.package-lock.json ## Take the pictures in docs/pictures anew
	$(CARGO) build $(LOCKED)
	SIGHTGLASS=$(DEBUG) node tests/page/screenshots.mjs </dev/null

.PHONY: bench-page
bench-page: build setup-test tests/page/node_modules/.package-lock.json ## The wall with 1,000 streams and 20 changes a second for BENCH_MINUTES (10): frames, memory
	SIGHTGLASS=$(RELEASE) node tests/page/bench.mjs </dev/null

.PHONY: bench
bench: setup ## Benchmark the pure parts
	$(CARGO) bench $(LOCKED) --bench pure

.PHONY: bench-versus
bench-versus: setup-test ## Compare with an ffmpeg process that does the same work
	$(CARGO) bench $(LOCKED) --bench versus

.PHONY: bench-many
bench-many: setup-test ## Compare many transcodes with as many ffmpeg processes: memory, CPU, quality
	$(CARGO) bench $(LOCKED) --bench many

.PHONY: bench-pulls
bench-pulls: setup-test ## Compare sources held open with ffmpeg processes that do the same
	$(CARGO) bench $(LOCKED) --bench pulls

.PHONY: bench-monitor
bench-monitor: setup-test ## Watch 50, 200 and 1,000 streams, beside ffmpeg processes that do: cost, coverage, delays
	$(CARGO) bench $(LOCKED) --bench monitor

.PHONY: bench-live
bench-live: setup-test ## 500 clients follow 1,000 streams live, against lists every 3 s: bytes, CPU, memory
	$(CARGO) bench $(LOCKED) --bench live

.PHONY: bench-accounting
bench-accounting: setup-test ## Compare the sum of the pipelines' memory with the process's
	$(CARGO) bench $(LOCKED) --bench accounting

.PHONY: bench-scrape
bench-scrape: setup-test ## Scrape the metrics of 1,000 streams: how long it takes, and whether previews notice
	$(CARGO) bench $(LOCKED) --bench scrape

.PHONY: audit
audit: ## Check licences, advisories, sources and duplicates of all crates (builds cargo-deny at the first time)
	@test -x $(TOOLS)/bin/cargo-deny && $(TOOLS)/bin/cargo-deny --version | grep -qF $(CARGO_DENY) \
		|| $(CARGO) install --quiet --locked --root $(TOOLS) cargo-deny@$(CARGO_DENY)
	$(TOOLS)/bin/cargo-deny $(LOCKED) check licenses bans sources
	@$(TOOLS)/bin/cargo-deny $(LOCKED) fetch db \
		|| { echo "audit: the advisories cannot be had; all else is checked"; exit 0; }; \
		$(TOOLS)/bin/cargo-deny $(LOCKED) check --disable-fetch advisories

.PHONY: sbom
sbom: ## Write target/sightglass.cdx.json: all crates with versions, licences and hashes (builds cargo-cyclonedx at the first time)
	@test -x $(TOOLS)/bin/cargo-cyclonedx && $(TOOLS)/bin/cargo-cyclonedx cyclonedx --version | grep -qF $(CARGO_CYCLONEDX) \
		|| $(CARGO) install --quiet --locked --root $(TOOLS) cargo-cyclonedx@$(CARGO_CYCLONEDX)
	scripts/sbom.sh $(TOOLS)/bin/cargo-cyclonedx

.PHONY: reproducible
reproducible: setup ## Build the release twice, in two folders: are the programs the same to the last bit?
	scripts/reproducible.sh

.PHONY: fuzz
fuzz: setup-test ## Fuzz what reads strangers' bytes, FUZZ_SECONDS=600 each (nightly compiler, cargo-fuzz)
	scripts/fuzz.sh

.PHONY: soak
soak: setup-test ## Do everything to one server for SOAK_MINUTES (5), then see what is left
	$(CARGO) bench $(LOCKED) $(LEAK) --bench soak

.PHONY: soak-monitor
soak-monitor: export MONITOR_MINUTES ?= 60
soak-monitor: setup-test ## Watch healthy channels, hard ones among them, for MONITOR_MINUTES (60): is anything raised?
	$(CARGO) bench $(LOCKED) --bench monitor

.PHONY: outage
outage: export DELIVERY_OUTAGE_SECONDS ?= 600
outage: export TEST_PATIENCE ?= 60
outage: setup-test ## Keep the mail server away for DELIVERY_OUTAGE_SECONDS (600) and kill the server meanwhile: does each alert arrive once?
	$(TEST_ENV) $(CARGO) test $(LOCKED) --test front_door -- --exact \
		delivery::each_alert_arrives_once_though_both_servers_were_down </dev/null

.PHONY: abuse
abuse: export ABUSE_SECONDS ?= 60
abuse: export ABUSE_CONNECTIONS ?= 1000
abuse: export ABUSE_EXAMPLES ?= 300
abuse: export ABUSE_REQUESTS ?= 200000
abuse: setup-test ## Attack a server that shows previews: slowhttptest and schemathesis for ABUSE_SECONDS (60), floods of frames; nobody may notice
	$(TEST_ENV) $(CARGO) test $(LOCKED) --test front_door -- abuse:: --test-threads 1 --include-ignored --nocapture </dev/null

.PHONY: cycles
cycles: export SOAK_CYCLES ?= 1000
cycles: setup-test ## Start and stop SOAK_CYCLES (1000) previews, then see what is left
	$(CARGO) bench $(LOCKED) $(LEAK) --bench soak
