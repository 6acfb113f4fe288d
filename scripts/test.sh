#!/usr/bin/env bash
# test.sh - style checks, documentation examples, then every test, against a PostgreSQL and a mail system of its own,
# which are started for this run and taken away after it. scripts/setup.sh test makes the machine ready for it.
#
# usage: test.sh [ARGUMENTS FOR cargo nextest run]      e.g. test.sh intake, or test.sh --test stories
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
export PATH=$PWD/vendor/tools/bin:$PATH

say() { printf 'beadle test: %s\n' "$*"; }

# a folder for each run, so that two runs beside each other do not meet
BEADLE_POSTGRES_DIR=$PWD/target/test-postgres-$$
MAILSTACK_DIR=$(mktemp -d /tmp/beadle-mail.XXXXXX)
export BEADLE_POSTGRES_DIR MAILSTACK_DIR
clean_up() {
  tests/support/mailstack.sh destroy || true
  tests/support/postgres.sh destroy || true
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "formatting"
"$cargo" fmt --check
say "clippy"
"$cargo" clippy --locked --all-targets -- -D warnings
say "documentation examples"
"$cargo" test --locked --doc --quiet

say "starting a private PostgreSQL and a private mail system"
postgres=$(tests/support/postgres.sh start)
eval "$postgres"
tests/support/mailstack.sh start
mail=$(tests/support/mailstack.sh env)
eval "$mail"
say "the tests"
"$cargo" nextest run --locked --no-fail-fast "$@"
