# beadle's commands. `make` alone lists them.
CARGO ?= cargo
DEMO_ARGS ?=
BENCH_ARGS ?=
TEST_ARGS ?=
export CARGO

.PHONY: help demo test check model bench

help:
	@echo 'make demo    fetch what is missing, build, and show a day of a council'"'"'s post   (DEMO_ARGS=…)'
	@echo 'make test    fetch what is missing, then style checks and every test              (TEST_ARGS=… for nextest)'
	@echo 'make check   formatting, clippy and documentation, warnings refused; cargo-deny where it is installed'
	@echo 'make model   train the models in models/ anew from training-data/'
	@echo 'make bench   the benchmarks'

demo:
	@scripts/setup.sh demo
	@echo 'beadle: building (the first time about ten minutes on two cores) …'
	$(CARGO) build --release --locked
	@"$${CARGO_TARGET_DIR:-target}/release/beadle" demo $(DEMO_ARGS)

test:
	@scripts/setup.sh test
	@scripts/test.sh $(TEST_ARGS)

check:
	@scripts/setup.sh demo
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps --document-private-items
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --locked check; \
	else echo 'cargo-deny is not installed: licences and advisories were not checked'; fi

model:
	@scripts/setup.sh demo
	$(CARGO) build --release --locked
	"$${CARGO_TARGET_DIR:-target}/release/beadle" train --data training-data/messages --out models
	"$${CARGO_TARGET_DIR:-target}/release/beadle" train --target hazard --data training-data/messages --out models/hazard
	"$${CARGO_TARGET_DIR:-target}/release/beadle" train --target concern \
	  --data training-data/safeguarding/learn --data training-data/messages --out models/concern
	"$${CARGO_TARGET_DIR:-target}/release/beadle" train-matcher --data training-data/pairs.jsonl --out models

bench:
	@scripts/setup.sh test
	$(CARGO) build --release --locked
	@scripts/bench.sh $(BENCH_ARGS)
