#!/usr/bin/env bash
# scan.sh - has a web scanner (wapiti) look at the portal of a demo that it starts: at everything a stranger reaches, and at what
# somebody who is signed in reaches. It ends with 1 if the scanner finds anything above informational.
#
# usage: scan.sh [PROGRAM]      the beadle to scan (default: target/release/beadle)
#
# settings (environment): SCAN_SECONDS  so long each of the two scans may crawl (default 300)
#                         SCAN_MODULE_SECONDS  so long each attack may take (default 120)
#                         SCAN_DIR  where its reports go (default: target/scan)
set -euo pipefail
cd "$(dirname "$0")/.."

beadle=${1:-target/release/beadle}
out=${SCAN_DIR:-$PWD/target/scan}
tools=$PWD/vendor/tools/scanner
# Not what asks servers outside, nor what guesses names of other programs' files.
modules=cookieflags,crlf,csp,csrf,exec,file,htaccess,http_headers,ldap,methods,permanentxss,redirect,shellshock,sql,timesql,upload,xss,xxe

say() { printf 'beadle scan: %s\n' "$*"; }
die() { printf 'beadle scan: %s\n' "$*" >&2; exit 1; }

[ -x "$beadle" ] || die "there is no $beadle: run make demo first, or name a program"
if ! cmp -s tests/support/scanner.txt "$tools/list.txt"; then
  say "installing the scanner"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check -r tests/support/scanner.txt
  cp tests/support/scanner.txt "$tools/list.txt"
fi

rm -rf "$out"
mkdir -p "$out"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
base=http://127.0.0.1:$port
LD_LIBRARY_PATH=${LIBTORCH:-$PWD/vendor/libtorch}/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
  "$beadle" demo --dir "$out/demo" --listen "127.0.0.1:$port" > "$out/demo.log" 2>&1 &
demo=$!
trap 'kill $demo 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  grep -q '^Ctrl-C' "$out/demo.log" && break
  kill -0 $demo 2>/dev/null || die "the demo ended: $(tail -n 3 "$out/demo.log")"
  sleep 0.5
done

# As a browser signs in: the word of the form, then the password.
jar=$out/jar
word=$(curl -sS -c "$jar" "$base/sign-in" | sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1)
curl -sS -o /dev/null -b "$jar" -c "$jar" --data-urlencode "csrf=$word" --data-urlencode "user=administrator" \
  --data-urlencode "password=$(cat "$out/demo/admin-password")" "$base/sign-in"
session=$(awk '$6 == "beadle" { print $7 }' "$jar")
[ -n "$session" ] || die "signing in did not work: see $out/demo.log"
curl -sS -b "beadle=$session" "$base/more" | grep -q 'Sign out' || die "nobody is signed in"

# wapiti: exclude what would end the session in the middle of the scan
scan() {
  local name=$1
  shift
  say "$name"
  "$tools/bin/wapiti" -u "$base/" "$@" -m "$modules" --scope folder --flush-session --store-session "$out/session-$name" \
    -x "$base/sign-out*" -x "$base/account/sessions/end*" -d 6 --max-files-per-dir 12 --max-links-per-page 120 \
    --max-scan-time "${SCAN_SECONDS:-300}" --max-attack-time "${SCAN_MODULE_SECONDS:-120}" --tasks 4 -t 30 -v 0 \
    -f json -o "$out/$name.json" > "$out/$name.log" 2>&1 || die "the scanner failed: see $out/$name.log"
}
scan stranger -s "$base/sign-in" -s "$base/report"
scan signed-in -H "Cookie: beadle=$session" -s "$base/review" -s "$base/more" -s "$base/reports" -s "$base/admin/people"
curl -sS -b "beadle=$session" "$base/more" | grep -q 'Sign out' || die "the session ended during the scan: it proves nothing"
kill -0 $demo || die "the program ended during the scan"

python3 - "$out/stranger.json" "$out/signed-in.json" <<'PY'
import json, sys
found = 0
for name in sys.argv[1:]:
    report = json.load(open(name))
    pages = report["infos"].get("crawled_pages_nbr")
    print(f"{name}: {pages} pages and forms")
    for part in ("vulnerabilities", "anomalies", "additionals"):
        for kind, finds in report[part].items():
            for find in finds:
                level = find.get("level", 0)
                above = part != "additionals" and level >= 1
                found += above
                print(f"  {'ABOVE INFORMATIONAL' if above else 'informational'}: {kind} (level {level}): "
                      f"{find['method']} {find['path']} {find.get('parameter') or ''}: {find['info']}")
print(f"above informational: {found}")
sys.exit(1 if found else 0)
PY
