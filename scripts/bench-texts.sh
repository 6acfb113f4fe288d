#!/usr/bin/env bash
# bench-texts.sh - what becomes of texts under load, with the real program as a process and a real database:
#
#   1. texts as by Twilio, 5 % of them delivered twice, while the program is killed (SIGKILL) and started again;
#   2. texts as by GOV.UK Notify at a fixed rate: how fast each is answered, beside the floor from the same run (the same posts
#      to an account that is not there, so that they are read and nothing is written down);
#   3. with --postgres: the same while the database is stopped and started again.
#
# After each, every text must be in the database once, and `beadle doctor --reconcile` must add up. Exit 1 where a text is lost or
# is there twice.
#
# usage: bench-texts.sh [--postgres] [--part N] [--count N] [--kills N] [--rate N] [--seconds S] [--away S] [--no-model]
#   --postgres   on a PostgreSQL of its own instead of SQLite (scripts/setup.sh test installs it)
#   --part N     only this one
#   --count N    texts of part 1 (10000)      --kills N    how often the program is killed there (10)
#   --rate N     posts a second (100)         --seconds S  for how long in part 2 (30)
#   --away S     for how long the database is stopped in part 3 (30)
#   --no-model   rules alone judge; part 1 is always so, since 10,000 texts take the encoder a quarter of an hour
#
# settings (environment): BEADLE       the program (default: target/release/beadle)
#                         BEADLE_HOME  the folder of its rules and models (default: this one)
set -euo pipefail
cd "$(dirname "$0")/.."

count=10000 kills=10 rate=100 seconds=30 away=30 model=true part='' database=sqlite
while [ $# -gt 0 ]; do
  case $1 in
    --postgres) database=postgres ;;
    --no-model) model=false ;;
    --part) part=$2; shift ;;
    --count) count=$2; shift ;;
    --kills) kills=$2; shift ;;
    --rate) rate=$2; shift ;;
    --seconds) seconds=$2; shift ;;
    --away) away=$2; shift ;;
    *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
  esac
  shift
done

readonly root=$PWD things=${BEADLE_HOME:-$PWD}
readonly beadle=${BEADLE:-${CARGO_TARGET_DIR:-target}/release/beadle}
readonly twilio_token=0123456789abcdef0123456789abcdef notify_token=a-long-token-of-the-bench
readonly public=https://cases.council.test/texts
export PYTHONPATH=$root/vendor/tools/python PYTHONDONTWRITEBYTECODE=1

say() { printf 'beadle bench: %s\n' "$*"; }
die() { printf 'beadle bench: %s\n' "$*" >&2; exit 1; }
[ -x "$beadle" ] || die "there is no $beadle: build it, or name it in BEADLE"
[ -d "$PYTHONPATH/twilio" ] || die "Twilio's Python package is not there: run scripts/setup.sh test"

dir=$(mktemp -d /tmp/beadle-texts.XXXXXX)
export BEADLE_POSTGRES_DIR=$dir/postgres
service='' posting=''
clean_up() {
  [ -z "$posting" ] || kill "$posting" 2>/dev/null || true
  [ -z "$service" ] || kill -KILL "$service" 2>/dev/null || true
  [ "$database" = sqlite ] || tests/support/postgres.sh destroy || true
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# two cores for the program where there are more
pinned=()
[ "$(nproc)" -le 2 ] || pinned=(taskset -c '0,1')

wait_until() { # SECONDS COMMAND…
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { tail -n 5 "$home/log" >&2; die "not in time: $*"; }
    sleep 0.2
  done
}

posts() { python3 "$root/tests/support/posts.py" "$@"; }

psql_() { psql -X -q -v ON_ERROR_STOP=1 -At "$@"; }

# A new database and settings for it: new_home NAME MODEL
new_home() {
  home=$dir/$1; starts=0
  mkdir "$home"
  local url=sqlite:beadle.db
  if [ "$database" = postgres ]; then
    url=${server%/*}/$1
    psql_ "$server" -c "CREATE DATABASE $1"
    # the tests' server forgets its last commits when it is stopped at once; a council's does not
    psql_ "$server" -c "ALTER DATABASE $1 SET synchronous_commit = on"
  fi
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat > "$home/beadle.toml" <<EOT
[council]
name = 'Brackenmere Borough Council'
address = 'cases@brackenmere.example'
[database]
url = '$url'
[smtp]
folder = 'outgoing'
[rules]
dir = '$things/rules'
[model]
enabled = $2
encoder = '$root/vendor/all-MiniLM-L6-v2'
classifier = '$things/models'
[learning]
nightly = false
[portal]
listen = '127.0.0.1:$port'
[[text]]
name = 'twilio'
provider = 'twilio'
account_sid = 'AC00000000000000000000000000000001'
from = '+442079460123'
public_url = '$public/twilio'
key = '$twilio_token'
api = 'http://127.0.0.1:9'
[[text]]
name = 'notify'
provider = 'notify'
template_id = 'f33517ff-2a88-4f6e-b855-c550268ce08a'
public_url = '$public/notify'
key = 'bench-26785a09-ab16-4eb0-8407-a37497a57506-3d844edf-8d35-48ac-975b-e847b4f122b0'
callback = '$notify_token'
api = 'http://127.0.0.1:9'
EOT
}

launch() {
  "${pinned[@]}" "$beadle" run --config "$home/beadle.toml" >/dev/null 2>>"$home/log" & service=$!
  disown $service
  starts=$((starts + 1))
}
runs() { ended && { tail -n 5 "$home/log" >&2; die "the program ended"; }; [ "$(grep -c 'beadle runs' "$home/log")" = $starts ]; }
ended() { ! kill -0 "$service" 2>/dev/null; }
stop() { kill -TERM "$service"; wait_until 40 ended; service=''; }

stored() { # a statement's rows
  if [ "$database" = postgres ]; then
    psql_ "${server%/*}/$(basename "$home")" -c "$1"
  else
    python3 -c 'import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(sys.argv[2]): print(*row, sep="|")' "$home/beadle.db" "$1"
  fi
}

adds_up() { "$beadle" doctor --reconcile --config "$home/beadle.toml" >"$home/doctor" 2>&1; }

# Every text there once, and accounted for.
check() {
  local began=$SECONDS wrong=0
  wait_until 1800 adds_up
  stop
  adds_up || wrong=1
  say "in the inbox: $(stored 'SELECT external_id FROM inbox' | posts compare --ids "$home/ids")" || wrong=1
  # one message each, and each delivery its own
  local sums
  sums=$(stored 'SELECT (SELECT COUNT(*) FROM messages), (SELECT COUNT(DISTINCT message_id) FROM inbox),
                        (SELECT COUNT(*) FROM inbox), (SELECT COUNT(*) FROM cases)')
  say "messages | of deliveries | deliveries | cases: $sums"
  [ "$(cut -d'|' -f1 <<<"$sums")" = "$(cut -d'|' -f3 <<<"$sums")" ] || wrong=1
  [ "$(cut -d'|' -f2 <<<"$sums")" = "$(cut -d'|' -f3 <<<"$sums")" ] || wrong=1
  say "doctor --reconcile, $((SECONDS - began)) s later: $(head -n 1 "$home/doctor")"
  stored "SELECT 'in quarantine', COUNT(*), reason FROM inbox WHERE status = 'quarantined' GROUP BY reason" | head -n 5
  ! grep -q 'a fault in the program' "$home/log" || { say "a fault in the program: see above"; grep 'a fault' "$home/log" >&2; wrong=1; }
  [ $wrong = 0 ] || { failed=1; say "WRONG: a text is lost or there twice"; }
}

# posts.py in the background, its lines on descriptor 3
begin_posts() {
  mkfifo "$home/posts"
  posts "$@" --ids "$home/ids" >"$home/posts" & posting=$!
  exec 3<"$home/posts"
}
end_posts() {
  exec 3<&-
  wait "$posting" || { failed=1; say "WRONG: a text was refused for good"; }
  posting=''
}

killed() {
  new_home killed false
  say "1. $count posts as by Twilio, one in twenty a repeat, and $kills kills; $database, rules alone"
  launch; wait_until 120 runs
  begin_posts twilio --url "http://127.0.0.1:$port/texts/twilio" --public-url "$public/twilio" --token $twilio_token --count "$count"
  local done_kills=0 line
  while read -r -u 3 line; do
    case $line in
      answered*)
        if [ $done_kills -lt "$kills" ] && [ "${line#answered }" -ge $(((done_kills + 1) * count / (kills + 1))) ]; then
          kill -KILL "$service"
          wait_until 10 ended
          launch
          done_kills=$((done_kills + 1))
        fi ;;
      *) say "posts: $line" ;;
    esac
  done
  end_posts
  say "killed $done_kills times"
  [ $done_kills = "$kills" ] || failed=1
  check
}

fast() {
  new_home fast $model
  say "2. $rate posts a second as by Notify for $seconds s; $database, model: $model"
  launch; wait_until 120 runs
  say "floor: $(posts floor --url "http://127.0.0.1:$port/texts/nobody" --token $notify_token --rate "$rate" --seconds 10)"
  begin_posts notify --url "http://127.0.0.1:$port/texts/notify" --token $notify_token --rate "$rate" --seconds "$seconds"
  local line
  while read -r -u 3 line; do [[ $line == answered* ]] || say "posts: $line"; done
  end_posts
  check
}

away() {
  new_home away $model
  local all=$((away + 20)) line gone=''
  say "3. $rate posts a second as by Notify for $all s, from the tenth the database is away for $away s; model: $model"
  launch; wait_until 120 runs
  begin_posts notify --url "http://127.0.0.1:$port/texts/notify" --token $notify_token --rate "$rate" --seconds $all
  while read -r -u 3 line; do
    case $line in
      answered*)
        if [ -z "$gone" ] && [ "${line#answered }" -ge $((rate * 10)) ]; then
          gone=1
          # in the background, so that the posts' lines go on being read
          { tests/support/postgres.sh stop; sleep "$away"; tests/support/postgres.sh start >/dev/null; } 3<&- & local interruption=$!
        fi ;;
      *) say "posts: $line" ;;
    esac
  done
  end_posts
  wait "$interruption"
  say "files in the spool when the last was answered: $(find "$home/texts-waiting" -name '*.json' | wc -l)"
  check
}

failed=0
say "$("$beadle" --version), $(nproc) cores, load before: $(cut -d' ' -f1-3 /proc/loadavg)"
if [ "$database" = postgres ]; then
  tests/support/postgres.sh start >"$dir/server"
  server=$(sed -n 's/.*BEADLE_TEST_POSTGRES=//p' "$dir/server")
fi
case $part in
  1) killed ;;
  2) fast ;;
  3) [ "$database" = postgres ] || die "part 3 needs --postgres"; away ;;
  '') killed; fast; [ "$database" = sqlite ] || away ;;
  *) die "there is no part $part" ;;
esac
say "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
[ $failed = 0 ] && say "every text was stored once"
exit $failed
