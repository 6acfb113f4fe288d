#!/usr/bin/env bash
# postgres.sh - a private, disposable PostgreSQL on 127.0.0.1 for the tests.
#
# usage: postgres.sh COMMAND
#   start     start it (made at first use) and print: export BEADLE_TEST_POSTGRES=postgres://…
#   env       print the same line for the one that runs
#   status    print where it is; exit 0 when it answers
#   stop      stop it; what it holds stays
#   destroy   stop it and remove its folder
#
# The user in the address may create databases, so each test can have its own. The port is a free one, the password a
# random one; a server that is stopped and started again keeps both. There is no socket, and nothing is synced to the
# disk: what it holds does not outlive a power cut.
# The system's own PostgreSQL, if there is one, is neither started, stopped nor used.
#
# settings (environment): BEADLE_POSTGRES_DIR  its folder (default target/test-postgres): one server for each folder
#
# PostgreSQL refuses to run as root: then it runs as the user postgres, and when that user cannot get at the folder
# (a checkout in a private home), in a folder of the same meaning under /tmp.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
dir=${BEADLE_POSTGRES_DIR:-$root/target/test-postgres}
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac

die() { echo "postgres.sh: $*" >&2; exit 1; }

# the newest server that is installed; Debian keeps it off the PATH
find_bin() {
  local b
  b=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  [ -x "$b" ] || b=$(command -v initdb) || die "PostgreSQL's server is not installed: run scripts/setup.sh test"
  dirname "$(readlink -f "$b")"
}

# runs a command as the user who owns the cluster
as_owner() {
  if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# As root: the folder must be open to the user postgres.
settle_folder() {
  [ "$(id -u)" = 0 ] || return 0
  id postgres >/dev/null 2>&1 || die "as root it runs as the user postgres, and there is none"
  local up=$dir
  while [ ! -d "$up" ]; do up=$(dirname "$up"); done
  as_owner test -x "$up" && return
  dir=/tmp/beadle-postgres-$(printf %s "$dir" | cksum | cut -d' ' -f1)
  # anyone can make a folder in /tmp: another user's is not ours to use
  [ ! -e "$dir" ] || [[ $(stat -c %U "$dir") =~ ^(root|postgres)$ ]] || die "$dir belongs to someone else"
}

runs() { [ -f "$dir/data/postmaster.pid" ] && as_owner "$bin/pg_ctl" -D "$dir/data" status >/dev/null 2>&1; }

make_cluster() {
  mkdir -p "$dir"
  [ "$(id -u)" != 0 ] || chown postgres "$dir"
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n' > "$dir/password"
  chmod 600 "$dir/password"
  [ "$(id -u)" != 0 ] || chown postgres "$dir/password"
  # made beside its place and moved, so that a broken run leaves nothing that looks whole
  as_owner rm -rf "$dir/new"
  as_owner "$bin/initdb" -D "$dir/new" -U beadle --pwfile="$dir/password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 \
    --no-sync >"$dir/initdb.log" 2>&1 || { tail -n 5 "$dir/initdb.log" >&2; die "initdb failed"; }
  as_owner tee -a "$dir/new/postgresql.conf" >/dev/null <<'EOC'

# for tests: fast, and lost on a power cut
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_parallel_workers_per_gather = 0
jit = off
timezone = 'UTC'
lc_messages = 'C'
EOC
  as_owner mv "$dir/new" "$dir/data"
}

start() {
  mkdir -p "$dir"
  exec 9>"$dir.lock"
  ! command -v flock >/dev/null || flock 9        # two starts at once make one server
  if ! runs; then
    [ -f "$dir/data/PG_VERSION" ] || make_cluster
    local port try
    for try in 1 2 3 4 5 6 7 8; do
      # the one it had before, so that who knows it finds it again; else one below those that outgoing connections take
      port=$(cat "$dir/port" 2>/dev/null) && [ "$try" = 1 ] || port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
      # the server must hold neither our output, or a caller that captures it waits for ever, nor the lock
      as_owner "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -o "-p $port" -w -t 60 start \
        </dev/null >/dev/null 2>&1 9>&- && { echo "$port" > "$dir/port"; break; }
      [ "$try" != 8 ] || { tail -n 10 "$dir/server.log" >&2; die "the server did not start (its log: $dir/server.log)"; }
    done
  fi
  exec 9>&-
  print_env
}

print_env() {
  runs || die "no server runs in $dir"
  echo "export BEADLE_TEST_POSTGRES=postgres://beadle:$(cat "$dir/password")@127.0.0.1:$(sed -n 4p "$dir/data/postmaster.pid")/postgres"
}

stop() {
  ! runs || as_owner "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null
}

bin=$(find_bin)
settle_folder
case ${1:-} in
  start) start ;;
  env) print_env ;;
  status) runs && echo "up: 127.0.0.1:$(sed -n 4p "$dir/data/postmaster.pid") in $dir" ;;
  stop) stop ;;
  destroy)
    stop
    # only what is a cluster of ours
    [ ! -e "$dir" ] || [ -f "$dir/password" ] || die "$dir is not mine to remove"
    rm -rf "$dir" "$dir.lock" ;;
  *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
