# `make help` lists what can be done. Everything works from a clean clone on Debian 12 with the Swift 6.3 toolchain; missing
# Debian packages are installed (as root), nothing else is needed by hand.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
BIN := .build/debug
RELEASE_PATH := .build-release
RELEASE := swift build -c release --static-swift-stdlib --scratch-path $(RELEASE_PATH)
PROGRAMS := martlet martlet-appliance martlet-central martlet-hands
VERSION = $(shell sed -n 's/.*softwareVersion = "\(.*\)"/\1/p' Sources/Model/SoftwareVersion.swift)

.DEFAULT_GOAL := help
.PHONY: help setup build demo test lint bench release docs

help: ## what can be done here
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | while IFS=$$'\t' read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

setup: ## install the Debian packages that building, the demo and the tests need
	@scripts/setup

build: setup ## build everything (debug)
	@swift build

demo: setup ## set up, build and run the main job end to end on this machine
	@swift build --product martlet && swift build --product martlet-appliance && swift build --product martlet-central
	@$(BIN)/martlet demo $(DEMO_OPTIONS)

test: setup ## all tests, against real PostgreSQL, hosts, TLS and files
	@scripts/lab/hosts prepare
	@scripts/lab/machine prepare
	@swift build --build-tests
	@$(TEST) --skip '^($(LIVE)|Scenarios)\.'
	@$(TEST) $(FEW) --filter '^($(LIVE))\.' --skip '\.MachineTests/'
	@$(TEST) --filter '^HealingTests\.MachineTests/'
	@$(TEST) $(FEW) --filter '^Scenarios\.'

# A test that hangs ends its run with a word. Without backtraces: with this many threads the tracer itself hangs after a crash.
TEST = SWIFT_BACKTRACE=enable=no scripts/deadline 1200 swift test --skip-build

# Tests that run real servers and hosts and wait for them, and those that run whole sites: each apart from what keeps every core busy,
# and few at a time, so that each gets its share of the machine before its peers give up waiting. A machine whose processor is
# emulated has this one to itself.
FEW = --experimental-maximum-parallelization-width 6
LIVE = DatabaseTests|HostsTests|DetectionTests|HealingTests|RootHandsTests|ApplianceTests|CentralTests

lint: ## formatting, the frameworks' checker, the catalog's lint
	@swift format lint --strict -r Sources Tests Package.swift Benchmarks
	@python3 Catalog/frameworks/check.py >/dev/null || python3 Catalog/frameworks/check.py
	@scripts/check-repository

bench: setup ## measure speed and memory, as ratios in one run (release build)
	@$(RELEASE) --product martlet-bench
	@$(RELEASE) --product martlet-appliance
	@$(RELEASE_PATH)/release/martlet-bench $(BENCH_OPTIONS)

release: setup ## stripped release binaries with a static Swift runtime, and their SHA256SUMS, in dist/
	@for name in $(PROGRAMS); do $(RELEASE) --product $$name; done
	@rm -rf dist && mkdir dist
	@for name in $(PROGRAMS); do strip -o dist/$$name $(RELEASE_PATH)/release/$$name; done
	@for name in $(PROGRAMS); do test "$$(dist/$$name --version)" = "$$name $(VERSION)"; done
	@cd dist && sha256sum $(PROGRAMS) >SHA256SUMS && ls -l

docs: build ## regenerate the generated documents
	@MARTLET_REWRITE=1 swift test --filter Documentation
