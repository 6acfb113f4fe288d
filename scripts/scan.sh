#!/usr/bin/env bash
# scan.sh - has a web scanner (wapiti) look at the portal of a demo that it starts: at everything a stranger reaches, and at what
# somebody who is signed in reaches. It ends with 1 if the scanner finds anything above informational, and if it reached too little
# for that to mean anything.
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
# As a council runs it: HTTPS, and a proxy that speaks it before the program.
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free) secure=$(free)
base=https://127.0.0.1:$secure
export LD_LIBRARY_PATH=${LIBTORCH:-$PWD/vendor/libtorch}/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
"$beadle" demo --once --dir "$out/demo" --listen "127.0.0.1:$port" > "$out/demo.log" 2>&1 || die "the demo failed: see $out/demo.log"
sed -i -e "s/^listen = .*/&\nsecure_cookie = true/" -e "s|^public_url = .*|public_url = \"$base\"|" "$out/demo/beadle.toml"
"$beadle" run --dir "$out/demo" > "$out/run.log" 2>&1 &
run=$!
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$out/key.pem" -out "$out/cert.pem" 2>/dev/null
python3 tests/support/tls_proxy.py "$secure" "$port" "$out/cert.pem" "$out/key.pem" &
proxy=$!
trap 'kill $run $proxy 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  curl -sko /dev/null "$base/sign-in" && break
  kill -0 $run 2>/dev/null || die "the program ended: $(tail -n 3 "$out/run.log")"
  sleep 0.5
done

# As a browser signs in: the word of the form, then the password.
jar=$out/jar
word=$(curl -ksS -c "$jar" "$base/sign-in" | sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1)
curl -ksS -o /dev/null -b "$jar" -c "$jar" --data-urlencode "csrf=$word" --data-urlencode "user_name=administrator" \
  --data-urlencode "password=$(cat "$out/demo/admin-password")" "$base/sign-in"
session=$(awk '$6 == "__Host-beadle" { print $7 }' "$jar")
[ -n "$session" ] || die "signing in did not work: see $out/run.log"
# Read to its end first: grep stops at the first hit, and curl would fail.
is_signed_in() { grep -q 'Sign out' <<< "$(curl -ksS -b "__Host-beadle=$session" "$base/more")"; }
is_signed_in || die "nobody is signed in"

# wapiti: exclude what would end the session in the middle of the scan
scan() {
  local name=$1
  shift
  say "$name"
  "$tools/bin/wapiti" -u "$base/" --verify-ssl 0 "$@" -m "$modules" --scope folder --flush-session --store-session "$out/session-$name" \
    -x "$base/sign-out*" -x "$base/account/sessions/end*" -d 6 --max-files-per-dir 12 --max-links-per-page 120 \
    --max-scan-time "${SCAN_SECONDS:-300}" --max-attack-time "${SCAN_MODULE_SECONDS:-120}" --tasks 4 -t 30 -v 0 \
    -dr 1 -f json -o "$out/$name.json" > "$out/$name.log" 2>&1 || die "the scanner failed: see $out/$name.log"
}
scan stranger -s "$base/sign-in" -s "$base/report"
scan signed-in -H "Cookie: __Host-beadle=$session" -s "$base/review" -s "$base/more" -s "$base/reports" -s "$base/admin/people"
is_signed_in || die "the session ended during the scan: it proves nothing"
kill -0 $run || die "the program ended during the scan"

python3 - "$out/stranger.json" "$out/signed-in.json" <<'PY'
import collections, json, sys
above = 0
# Fewer, and it looked at next to nothing. The page is linked only on pages that nobody sees who is not signed in.
least = {"stranger": 4, "signed-in": 60}
inside = "/admin/people/administrator"
for name in sys.argv[1:]:
    report = json.load(open(name))
    pages = report["infos"].get("crawled_pages_nbr") or 0
    print(f"{name}: {pages} pages and forms")
    who = name.rsplit("/", 1)[-1].removesuffix(".json")
    if pages < least[who]:
        sys.exit(f"beadle scan: too little was reached as {who}: {pages} pages and forms, at least {least[who]} are there")
    seen = [page["request"] for page in report["infos"].get("crawled_pages") or []]
    if any(one["url"].endswith(inside) and one["status_code"] == 200 for one in seen) != (who == "signed-in"):
        sys.exit(f"beadle scan: {inside} is for who is signed in, and the scan as {who} says otherwise: it proves nothing")
    informational = collections.Counter()
    for part in ("vulnerabilities", "anomalies", "additionals"):
        for kind, finds in report[part].items():
            for find in finds:
                if part == "additionals" or find.get("level", 0) == 0:
                    informational[kind] += 1
                else:
                    above += 1
                    print(f"  above informational: {kind} (level {find['level']}): {find['method']} {find['path']} "
                          f"{find.get('parameter') or ''}: {find['info']}")
    for kind, count in informational.items():
        print(f"  informational: {kind}: {count}")
print(f"above informational: {above}")
sys.exit(1 if above else 0)
PY
