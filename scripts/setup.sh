#!/usr/bin/env bash
# setup.sh - brings a machine to where beadle builds and runs, fetching only what is missing.
#
# usage: setup.sh [demo|test]    demo (the default): what a build and the demo need
#                                test: also the mail and database servers, the Python packages, the Telegram emulator, the
#                                provider of sign-ons and the test runner that the tests use, and Chromium with what drives it
#
# It asks for: Rust 1.95, a C and a C++ compiler, binutils, make, Python 3. On Debian and Ubuntu, as root or with sudo
# that asks no password, it installs the packages that are missing; elsewhere it names them and stops. The encoder's
# library and model go into vendor/. Nothing else outside this folder is changed, and no server is left running.
#
# settings (environment): CARGO     the cargo to use
#                         BEADLE_CHROMIUM  the browser of the tests, where it is none of /usr/bin
#                         LIBTORCH  a libtorch 2.4.0 of your own; set LIBTORCH_CXX11_ABI (0 or 1) as it was built
set -euo pipefail
cd "$(dirname "$0")/.."

CARGO=${CARGO:-cargo}
readonly rust_needed=1.95
readonly nextest_version=0.9.143             # asks for Rust 1.91
readonly tools=$PWD/vendor/tools
readonly python_list=tests/support/requirements.txt
readonly python_tools=$PWD/vendor/tools/python
readonly browser_list=tests/support/browser
readonly browser_tools=$PWD/vendor/tools/browser
readonly emulator_list=tests/support/telegram
readonly emulator=$PWD/vendor/tools/telegram
readonly provider_list=tests/support/openid
readonly provider=$PWD/vendor/tools/openid
readonly log=$PWD/vendor/setup.log           # what apt, pip, npm and cargo said in the step under way
export PATH=$tools/bin:$PATH

say() { printf 'beadle setup: %s\n' "$*"; }
die() { printf 'beadle setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# ---- what is missing ------------------------------------------------------------------------------------------------

check_rust() {
  local found
  has "$CARGO" || die "there is no cargo. Install Rust $rust_needed or newer with rustup; when it is installed already,
  open a new shell or run: . \"\$HOME/.cargo/env\""
  found=$("$CARGO" --version) || die "$CARGO does not run (above: why)"
  found=${found#cargo } found=${found%%[ -]*}
  [ "$(printf '%s\n' "$rust_needed" "$found" | sort -V | head -n 1)" = "$rust_needed" ] ||
    die "Rust $found is too old: beadle needs $rust_needed. Remedy: rustup update stable
  (a Rust from the system's packages is often too old: install rustup, and its cargo must come first on the PATH)"
  [ "$mode" = test ] || return 0
  { "$CARGO" fmt --version && "$CARGO" clippy --version; } >/dev/null 2>&1 ||
    die "the tests also check style and need rustfmt and clippy. Remedy: rustup component add rustfmt clippy"
}

# torch-sys links GNU's OpenMP, which comes with g++
has_cxx() {
  has "${CXX:-c++}" && [ "$(cc -print-file-name=libgomp.so 2>/dev/null)" != libgomp.so ]
}
has_fetched() { scripts/encoder.sh have library && scripts/encoder.sh have model; }
# a Python that has pip, or can make itself one
find_python() {
  local p
  for p in python3 /usr/bin/python3 "$tools/pip/bin/python3"; do
    if "$p" -m pip --version >/dev/null 2>&1; then echo "$p"; return; fi
  done
  return 1
}
has_aiosmtpd() {
  local p
  for p in /usr/bin/python3 python3; do
    "$p" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec("aiosmtpd"))' 2>/dev/null && return
  done
  return 1
}
# What the tests check ours against, installed from the very list that stands here now.
has_python_tools() { cmp -s "$python_list" "$python_tools/requirements.txt"; }
needs_pip() { ! has_fetched || { [ "$mode" = test ] && ! has_python_tools; }; }
has_any() { local f; for f in "$@"; do [ -x "$f" ] && return; done; return 1; }
# What drives a browser in the tests, installed from the very list that stands here now.
has_browser_tools() { cmp -s "$browser_list/package-lock.json" "$browser_tools/package-lock.json"; }
has_chromium() {
  [ -n "${BEADLE_CHROMIUM:-}" ] ||
    has_any /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome-stable /usr/bin/google-chrome
}
has_emulator() { cmp -s "$emulator_list/package-lock.json" "$emulator/package-lock.json"; }
has_provider() { cmp -s "$provider_list/package-lock.json" "$provider/package-lock.json"; }
has_postgres() { has initdb || has_any /usr/lib/postgresql/*/bin/initdb; }

# Fills packages: the Debian packages of what is missing.
find_missing_packages() {
  packages=()
  has cc || packages+=(gcc libc6-dev)
  has_cxx || packages+=(g++)
  { has strip && has nm; } || packages+=(binutils)
  has make || packages+=(make)
  has python3 || packages+=(python3)
  if needs_pip && ! find_python >/dev/null && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    packages+=(python3-pip)
  fi
  [ "$mode" = test ] || return 0
  has_any /usr/lib/dovecot/imap /usr/libexec/dovecot/imap || packages+=(dovecot-imapd)
  has_any /usr/lib/dovecot/lmtp /usr/libexec/dovecot/lmtp || packages+=(dovecot-lmtpd)
  has_aiosmtpd || packages+=(python3-aiosmtpd)
  has_postgres || packages+=(postgresql)
  has openssl || packages+=(openssl)
  has_chromium || packages+=(chromium)
  { has node && { { has_browser_tools && has_emulator && has_provider; } || has npm; }; } || packages+=(nodejs npm)
}

# The same by names that any system's packages can be found by.
generic_names() {
  local p
  for p in "${packages[@]}"; do
    case $p in
      gcc) echo "a C compiler (cc)" ;;
      libc6-dev) ;;
      g++) echo "a C++ compiler (c++) with GNU OpenMP (libgomp)" ;;
      binutils) echo "binutils (strip, nm)" ;;
      make) echo "make" ;;
      python3) echo "Python 3" ;;
      python3-pip) echo "pip for Python 3" ;;
      dovecot-imapd) echo "Dovecot with IMAP" ;;
      dovecot-lmtpd) echo "Dovecot's LMTP" ;;
      python3-aiosmtpd) echo "the Python package aiosmtpd" ;;
      postgresql) echo "the PostgreSQL server (tried with 15 and 17)" ;;
      openssl) echo "openssl" ;;
      chromium) echo "Chromium or Chrome (BEADLE_CHROMIUM names one of your own)" ;;
      nodejs) echo "Node.js 18 or newer with npm" ;;
      npm) ;;
    esac
  done | sed 's/^/    - /'
}

# ---- the steps ------------------------------------------------------------------------------------------------------

# step TEXT COMMAND…: says what is done, does it, says how long it took
step() {
  local text=$1 began; shift
  step=$((step + 1)); began=$(date +%s)
  say "$step/${#plan[@]} $text …"
  "$@"
  say "$step/${#plan[@]} done ($(($(date +%s) - began)) s)"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

# A package that brings a server starts it at once, on its usual port. A policy-rc.d that says no prevents that;
# one that is there already is put back afterwards.
readonly policy=/usr/sbin/policy-rc.d
forbid_servers() {
  [ ! -e $policy ] || as_root mv $policy $policy.before-beadle
  printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
  as_root chmod 755 $policy
}
allow_servers() {
  as_root rm -f $policy
  [ ! -e $policy.before-beadle ] || as_root mv $policy.before-beadle $policy
}

install_packages() {
  local ok='' new=()
  : > "$log"
  has_any /usr/sbin/dovecot || new+=(dovecot.service dovecot.socket)
  has_postgres || new+=(postgresql.service)
  forbid_servers
  trap allow_servers EXIT
  if apt install --no-install-recommends "${packages[@]}"; then
    ok=1
  elif apt update && apt install --no-install-recommends "${packages[@]}"; then
    ok=1
  fi
  # nor at the next start of the machine: whoever asked for tests did not ask for a mail server
  if [ -n "$ok" ] && [ "$mode" = test ] && [ ${#new[@]} -gt 0 ] && has systemctl; then
    as_root systemctl disable "${new[@]}" >>"$log" 2>&1 || true
  fi
  allow_servers
  trap - EXIT
  [ -n "$ok" ] || {
    tail -n 15 "$log" >&2
    die "apt could not install ${packages[*]} (above: what it said; all of it: $log).
  Remedy: install them by hand, then run this again."
  }
  sed -n 's/^Need to get \(.*\) of archives.*/beadle setup: downloaded \1/p' "$log" | tail -n 1
}

make_pip() {
  python3 -m venv --clear "$tools/pip" >"$log" 2>&1 || { tail -n 5 "$log" >&2; die "could not make a Python with pip"; }
}

fetch() {
  BEADLE_PYTHON=$(find_python) || die "no Python here has pip. Remedy: install python3-pip"
  export BEADLE_PYTHON
  scripts/encoder.sh "$1"
}

# Into a folder of their own, which the tests name in PYTHONPATH; pip refuses a file whose checksum is another.
install_python_tools() {
  local python new=$python_tools.new
  python=$(find_python) || die "no Python here has pip. Remedy: install python3-pip"
  rm -rf "$new"
  "$python" -m pip install -q --disable-pip-version-check --no-compile --no-deps --only-binary :all: --require-hashes \
    --target "$new" -r "$python_list" >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    rm -rf "$new"
    die "the Python packages of the tests were not installed (above: what pip said)"
  }
  cp "$python_list" "$new/requirements.txt"
  rm -rf "$python_tools"
  mv "$new" "$python_tools"
}

# install_npm LIST FOLDER WHAT: a folder of its own, which the tests name in NODE_PATH; npm refuses a package whose checksum is
# another. No browser comes along.
install_npm() {
  local list=$1 folder=$2 what=$3 new=$2.new
  rm -rf "$new"
  mkdir -p "$new"
  cp "$list/package.json" "$list/package-lock.json" "$new"
  (cd "$new" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    rm -rf "$new"
    die "npm could not fetch $what (above: what it said)"
  }
  rm -rf "$folder"
  mv "$new" "$folder"
}

# Built without its self-update, and less optimised than a release of it: that halves the wait.
build_nextest() {
  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    "$CARGO" install --locked --root "$tools" --no-default-features --features default-no-update \
    "cargo-nextest@$nextest_version" >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    die "cargo-nextest could not be built (above: why; all of it: $log).
  Remedy: install it in any way you like, so that 'cargo nextest --version' works, then run this again."
  }
}

# ---- all together ---------------------------------------------------------------------------------------------------

mode=${1:-demo}
case $mode in
  demo | test) ;;
  *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac

check_rust
mkdir -p vendor
exec 9>vendor/.lock
if has flock && ! flock -n 9; then
  say "another set-up is at work here: waiting for it"
  flock 9
fi

find_missing_packages
if [ ${#packages[@]} -gt 0 ] && ! { has apt-get && as_root true; } 2>/dev/null; then
  die "this machine lacks what only its administrator can install:
$(generic_names)
  On Debian and Ubuntu, as root:  apt-get install --no-install-recommends ${packages[*]}
  Then run this again."
fi

plan=() step=0
[ ${#packages[@]} -eq 0 ] || plan+=(packages)
! needs_pip || find_python >/dev/null || [[ " ${packages[*]} " == *" python3-pip "* ]] || plan+=(pip)
scripts/encoder.sh have library || plan+=(library)
scripts/encoder.sh have model || plan+=(model)
[ "$mode" = demo ] || has_python_tools || plan+=(python)
[ "$mode" = demo ] || has_browser_tools || plan+=(browser)
[ "$mode" = demo ] || has_emulator || plan+=(emulator)
[ "$mode" = demo ] || has_provider || plan+=(provider)
[ "$mode" = demo ] || "$CARGO" nextest --version >/dev/null 2>&1 || plan+=(nextest)

if [ "$(uname -m)" = aarch64 ]; then library_size=90; else library_size=797; fi
for job in ${plan[@]+"${plan[@]}"}; do
  case $job in
    packages) step "installing ${packages[*]} with apt" install_packages ;;
    pip) step "making a Python with pip in vendor/tools" make_pip ;;
    library) step "fetching the encoder's native library (about $library_size MB to download)" fetch library ;;
    model) step "fetching the sentence model (about 84 MB to download)" fetch model ;;
    python) step "fetching Twilio's and PyJWT's Python packages for the tests (about 3 MB to download)" install_python_tools ;;
    browser) step "fetching axe-core and what drives a browser for the tests (about 4 MB to download)" \
      install_npm "$browser_list" "$browser_tools" "what drives the browser of the tests" ;;
    emulator) step "fetching the Telegram emulator for the tests (about 2 MB to download)" \
      install_npm "$emulator_list" "$emulator" "the Telegram emulator" ;;
    provider) step "fetching the provider of sign-ons for the tests (about 1 MB to download)" \
      install_npm "$provider_list" "$provider" "the provider of sign-ons" ;;
    nextest) step "building the test runner cargo-nextest (some minutes, only this once)" build_nextest ;;
  esac
done
[ -z "${LIBTORCH:-}" ] || [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] ||
  die "LIBTORCH is $LIBTORCH, but there is no lib/libtorch_cpu.so in it. Unset it and beadle fetches its own."
rm -f "$log"
say "ready for the $mode ($SECONDS s)"
