# Two commands do everything: `make serve` and `make test`. Each sets up what is missing first.
SHELL := /bin/bash
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tenfold
# Outside the checkout, so that a fresh clone on the same machine builds in seconds.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export TENFOLD_CACHE := $(CACHE)
BIN := $(CARGO_TARGET_DIR)/debug/tenfold

.PHONY: help serve build console test lint unit sdk browser bench fuzz deny setup

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

serve: build ## build, then start the platform on 127.0.0.1:8080
	@exec $(BIN) serve

build: setup console ## the binary, with the console in it
	cargo build --locked --package tenfold

console: ## the web console's files
	@scripts/console.sh

setup: ## system packages and tools that are missing
	@scripts/setup.sh

test: setup ## everything that must hold: lints, arrows, unit, store, engine and SDK tests
	@scripts/setup.sh test
	$(MAKE) lint
	$(MAKE) unit
	$(MAKE) sdk
	$(MAKE) browser

lint:
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo xtask tidy

unit:
	cargo nextest run --locked --workspace

sdk: build ## the official OpenAI and Anthropic SDKs against the real binary and a real model
	TENFOLD_BIN=$(BIN) tests/sdk/run.sh

browser: build ## the console's own tests, and its pages in Chromium against the real binary and a real model
	cd console && npm run --silent test && npm run --silent size
	TENFOLD_BIN=$(BIN) tests/browser/run.sh

bench: build ## benchmark tables, each with its floor and its ratio
	TENFOLD_BIN=$(BIN) bench/run.sh

fuzz: ## a minute for each fuzz target (needs a nightly toolchain and cargo-fuzz)
	scripts/fuzz.sh

deny: ## licences, bans and sources of dependencies (needs cargo-deny)
	cargo deny check licenses bans sources
