# What to do with this repository. Every target installs what it needs, says in one line what it is doing, and stops at the
# first failure.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench fuzz lint setup fmt clippy unit doc deny benches libpcap compiler

# For `make fuzz SECONDS=600`: how long each target runs.
SECONDS ?= 30
FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
CAPTURES := $(wildcard tests/captures/*/*/capture.pcap*)
DEMO := tests/captures/demo/weather-app/capture.pcapng

# The same tools everywhere.
CARGO_DENY := cargo-deny@0.20.2
CARGO_FUZZ := cargo-fuzz@0.13.2

# Asked when a recipe runs, hence behind whatever was installed before it.
HAS_LIBPCAP = $(shell echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - -lpcap 2>/dev/null && echo yes)
LIVE = $(if $(HAS_LIBPCAP),--features weir-cli/live)
HAS = $(shell command -v $(1))

say = @printf '==> %s\n' "$(strip $(1))"

# What to do without something that is missing: go on at a desk, fail where it would pass unseen.
miss = { printf 'SKIPPED: %s\n' "$(strip $(1))" >&2; test "$${CI:-}" != true; }

# $(1) is a Debian package.
apt-install = printf '==> install %s\n' $(1); \
	as_root=; test "$$(id -u)" = 0 || as_root=sudo; \
	$$as_root apt-get update -qq && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null

help:
	@echo 'make demo    replay a capture in which an app gives its user away, and see it stopped'
	@echo 'make test    everything that must hold: lint, tests, documentation, benchmarks, fuzzing'
	@echo 'make bench   measure every stage (criterion); BENCH="--bench engine" for one of them'
	@echo 'make fuzz    fuzz every target, SECONDS=$(SECONDS) each'
	@echo 'make lint    formatting, clippy, documentation, licences and dependencies'
	@echo 'make setup   only install what the others need'

setup: libpcap compiler
	@$(if $(call HAS,cargo-deny),:,cargo install --quiet --locked $(CARGO_DENY))
	@$(if $(call HAS,cargo-fuzz),:,cargo install --quiet --locked $(CARGO_FUZZ))

demo: libpcap
	$(call say,build weir)
	@cargo build --quiet --locked --release --package weir-cli $(LIVE)
	$(call say,weir replay $(DEMO) --device tests/captures/device.json)
	@# It exits with 1 because it finds something.
	@target/release/weir replay $(DEMO) --device tests/captures/device.json || test $$? = 1

test: lint unit benches fuzz
	$(call say,everything holds)

lint: fmt clippy doc deny

fmt:
	$(call say,formatting)
	@cargo fmt --all --check
	@cargo fmt --manifest-path fuzz/Cargo.toml --check

clippy: libpcap
	$(call say,clippy)
	@cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(call say,clippy with live interfaces)
	@$(if $(HAS_LIBPCAP),cargo clippy --quiet --locked --workspace --all-targets $(LIVE) -- -D warnings, \
		$(call miss,clippy of the feature live: libpcap is missing))

unit:
	$(call say,tests)
	@cargo test --quiet --locked --workspace

doc:
	$(call say,documentation)
	@RUSTDOCFLAGS='-D warnings' cargo doc --quiet --locked --workspace --no-deps --document-private-items

deny:
	$(call say,licences and dependencies)
	@$(if $(call HAS,cargo-deny),:,cargo install --quiet --locked $(CARGO_DENY)) \
		|| $(call miss,licences and dependencies: cargo-deny cannot be installed)
	@! command -v cargo-deny >/dev/null || cargo deny --log-level error check licenses bans sources
	@# The advisories are fetched from another host than the crates, which not every machine can reach.
	@if cargo deny --log-level off fetch db 2>/dev/null; then \
		cargo deny --log-level error check --disable-fetch advisories; \
	else printf 'SKIPPED: advisories, their database cannot be fetched\n' >&2; fi

benches:
	$(call say,benchmarks: each asserts its answer)
	@cargo test --quiet --locked --package weir-benches --benches

bench:
	$(call say,benchmarks)
	@cargo bench --locked --package weir-benches $(BENCH)

# The lock file there follows by itself when a dependency of the workspace changes.
# Without a sanitizer: there is no unsafe code behind these targets, so that panics, overflows and assertions are what there
# is to find, at twice the speed and with a stable compiler.
fuzz: compiler
	$(call say,build the fuzz targets: $(FUZZ_TARGETS))
	@$(if $(call HAS,cargo-fuzz),:,cargo install --quiet --locked $(CARGO_FUZZ))
	@cd fuzz && RUSTFLAGS='-A warnings' cargo run --quiet --example seeds -- corpus $(CAPTURES:%=../%)
	@cargo fuzz build --sanitizer none 2>&1 | { grep -E '^error' -A20 || true; }
	@for target in $(FUZZ_TARGETS); do \
		printf '==> fuzz %s for %s s\n' $$target $(SECONDS); \
		cargo fuzz run --sanitizer none $$target -- \
			-max_total_time=$(SECONDS) -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
			>fuzz/$$target.log 2>&1 || { cat fuzz/$$target.log; exit 1; }; \
		grep -o 'number_of_executed_units: .*' fuzz/$$target.log | sed 's/number_of_executed_units:/    inputs:/'; \
	done

# For live interfaces; all else works without it.
libpcap:
	@$(if $(HAS_LIBPCAP),:,$(call apt-install,libpcap-dev) \
		|| echo 'libpcap cannot be installed: weir is built without live interfaces' >&2)

# libFuzzer is C++.
compiler:
	@$(if $(call HAS,c++),:,$(call apt-install,g++) || { echo 'install a C++ compiler to fuzz' >&2; exit 1; })
