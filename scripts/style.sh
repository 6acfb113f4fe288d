#!/usr/bin/env bash
# style.sh - compiles the portal's style sheet src/portal/assets/govuk.css from govuk.scss beside it, with govuk-frontend and sass
# from npm (scripts/style/package-lock.json says which, by checksum). Both the source and what comes of it are in git: a build
# of beadle needs neither npm nor this script. Run it after changing govuk.scss or the versions.
#
# usage: style.sh [check]    check: compile, and say whether the file in git is the same (exit 1 where it is not)
set -euo pipefail
cd "$(dirname "$0")/.."

readonly list=scripts/style tools=vendor/tools/style assets=src/portal/assets

say() { printf 'beadle style: %s\n' "$*"; }
die() { printf 'beadle style: %s\n' "$*" >&2; exit 1; }

fetch() {
  command -v npm >/dev/null || die "there is no npm. Remedy: install Node.js 18 or newer with npm"
  rm -rf "$tools.new"
  mkdir -p "$tools.new"
  cp "$list/package.json" "$list/package-lock.json" "$tools.new"
  say "fetching govuk-frontend and sass …"
  (cd "$tools.new" && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error >/dev/null) ||
    die "npm could not fetch govuk-frontend and sass (above: what it said)"
  rm -rf "$tools"
  mv "$tools.new" "$tools"
}

# The licence line is of our own: sass keeps comments that begin with /*!, but the components say nothing of whose they are.
compile() {
  printf '/*! govuk-frontend %s, MIT licence, Copyright (C) 2017 Crown Copyright (Government Digital Service): govuk.LICENSE.txt */\n' \
    "$(node -p "require('./$tools/node_modules/govuk-frontend/package.json').version")"
  node "$tools/node_modules/sass/sass.js" --style=compressed --no-source-map --no-charset --load-path="$tools/node_modules" \
    --quiet-deps --silence-deprecation=import "$assets/govuk.scss"
}

case ${1:-} in
  '' | check) ;;
  *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
cmp -s "$list/package-lock.json" "$tools/package-lock.json" || fetch
made=$(mktemp)
trap 'rm -f "$made"' EXIT
compile > "$made"
! grep -q 'url(' "$made" || die "the style sheet names a file that the portal does not serve: $(grep -o 'url([^)]*)' "$made" | head -n 1)"
if [ "${1:-}" = check ]; then
  cmp -s "$made" "$assets/govuk.css" || die "$assets/govuk.css is not what $assets/govuk.scss makes. Remedy: run scripts/style.sh"
  say "$assets/govuk.css is what govuk.scss makes"
else
  cat "$made" > "$assets/govuk.css"
  say "$assets/govuk.css: $(wc -c < "$assets/govuk.css") bytes"
fi
