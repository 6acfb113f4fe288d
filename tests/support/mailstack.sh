#!/usr/bin/env bash
# mailstack.sh - a private, disposable mail system on 127.0.0.1 for the tests and the benches.
#
#   IMAP    Dovecot, plaintext LOGIN/PLAIN allowed, STARTTLS offered (self-signed)
#   IMAPS   the same mailboxes over TLS; certificate: $MAILSTACK_DIR/tls/cert.pem
#   LMTP    Dovecot delivery
#   SMTP    a relay that can never reach the outside: recipients @mail.test are delivered to Dovecot over LMTP,
#           every other recipient is only recorded
#
# Every user name exists, with the same password, and gets an empty mailbox at first use, so each test can have its
# own user (no clean-up, tests may run in parallel). Default user: councillor.
#
# usage: mailstack.sh COMMAND
#   start                start both daemons
#   stop                 stop them, by the pids in $MAILSTACK_DIR only
#   imap-stop            stop Dovecot only: the mailbox vanishes (open sessions are cut, new ones refused)
#   imap-start           start it again: same ports, same mail
#   status               print pids and ports; exit 0 when both answer
#   reset                drop all sessions, delete all mailboxes and recorded SMTP mail
#   load DIR [USER]      put DIR/*.eml into USER's INBOX in file-name order (Maildir delivery, fast)
#   load --lmtp DIR [USER]    the same, each message over LMTP
#   count [USER]         number of messages in INBOX
#   clear [USER]         delete one user's mailboxes (sessions of that user are dropped)
#   kick [USER]          cut USER's open IMAP sessions (to test reconnecting)
#   fault "451 4.3.0 try later"   make SMTP answer every DATA with this; "fault off" ends it
#   env                  print shell 'export' lines with hosts, ports, user, password
#   destroy              stop and remove $MAILSTACK_DIR
#
# What SMTP accepted lies in $MAILSTACK_DIR/smtp/NNNNNN.eml, the envelope in NNNNNN.json
# ({"from","to","size","status"}), so a test can count the acknowledgements that a program sent.
#
# settings (environment), all optional; any number of stacks run side by side, each with its own DIR:
#   MAILSTACK_DIR  its folder (default: beadle-mailstack-UID in TMPDIR or /tmp), at most 75 characters, since unix
#                  socket paths are limited
#   MAILSTACK_IMAP_PORT MAILSTACK_IMAPS_PORT MAILSTACK_LMTP_PORT MAILSTACK_SMTP_PORT
#                  fixed ports; without them free ones are chosen at the first start and kept in DIR/ports
#   MAILSTACK_USER=councillor MAILSTACK_PASS=secret MAILSTACK_DOMAIN=mail.test
#   MAILSTACK_SMTP_MAXLINE=1000  longest line that SMTP takes (RFC 5321: 1000 with CRLF); longer gets a 500
#
# Works as root (mail belongs to the user mail) and as any other user. Dovecot 2.3 and 2.4. Nothing under /etc is read
# or written; a system-wide Dovecot, if there is one, is neither started, stopped nor used.
set -euo pipefail

DIR=${MAILSTACK_DIR:-${TMPDIR:-/tmp}/beadle-mailstack-$(id -u)}
USER_=${MAILSTACK_USER:-councillor}
PASS=${MAILSTACK_PASS:-secret}
DOMAIN=${MAILSTACK_DOMAIN:-mail.test}
MAXLINE=${MAILSTACK_SMTP_MAXLINE:-1000}
CONF=$DIR/dovecot.conf
PATH=$PATH:/usr/sbin
# whom Dovecot works as, and owns the mailboxes
if [ "$(id -u)" = 0 ]; then OWNER=mail GROUP=mail; else OWNER=$(id -un) GROUP=$(id -gn); fi

die() { echo "mailstack: $*" >&2; exit 1; }
# a user name becomes a path: no slashes, no leading dot
valid_user() { [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9_.+-]*$ ]] || die "bad user name '$1'"; }
# true when pid in file $1 runs and its command line holds $2 (pids are reused)
alive() {
  local pid; pid=$(cat "$1" 2>/dev/null) || return 1
  [ -n "$pid" ] && { tr '\0' ' ' < "/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- "$2"
}
open_port() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# first line that a server says on port $1
greeting() { (exec 3<>"/dev/tcp/127.0.0.1/$1" && read -r -t 1 l <&3 && printf %s "$l") 2>/dev/null; }

# Debian's Python has Debian's aiosmtpd, another one on the PATH may have its own
find_python() {
  local p
  for p in /usr/bin/python3 python3; do
    if "$p" -c 'import aiosmtpd' 2>/dev/null; then echo "$p"; return; fi
  done
  die "no Python here has aiosmtpd: run scripts/setup.sh test"
}

check_programs() {
  [ ${#DIR} -le 75 ] || die "$DIR is too long for unix sockets: at most 75 characters"
  local p
  for p in dovecot doveadm openssl; do
    command -v $p >/dev/null || die "there is no $p: run scripts/setup.sh test"
  done
}

# Ports: as set, else as kept in DIR/ports, else free ones, below those that outgoing connections take.
choose_ports() {
  IMAP='' IMAPS='' LMTP='' SMTP=''
  [ ! -f "$DIR/ports" ] || read -r IMAP IMAPS LMTP SMTP < "$DIR/ports"
  IMAP=${MAILSTACK_IMAP_PORT:-$IMAP} IMAPS=${MAILSTACK_IMAPS_PORT:-$IMAPS}
  LMTP=${MAILSTACK_LMTP_PORT:-$LMTP} SMTP=${MAILSTACK_SMTP_PORT:-$SMTP}
}
free_ports() {
  local name port
  for name in IMAP IMAPS LMTP SMTP; do
    [ -z "${!name}" ] || continue
    while port=$((10000 + (RANDOM * 32768 + RANDOM) % 10000)); open_port "$port"; do :; done
    printf -v $name %s "$port"
  done
  echo "$IMAP $IMAPS $LMTP $SMTP" > "$DIR/ports"
}

# Dovecot 2.4 calls many things by other names than 2.3.
dovecot_settings() {
  local version requests='restart_request_count = unlimited'
  version=$(dovecot --version | sed 's/[^0-9.].*//')
  case $version in
    2.3.*) requests='service_count = 0' ;;
    2.4.*) printf 'dovecot_config_version = %s\ndovecot_storage_version = %s\n' "$version" "$version" ;;
    *) die "Dovecot 2.3 or 2.4 is needed, this is $version" ;;
  esac
  cat <<EOC
base_dir = $DIR/run
state_dir = $DIR/state
instance_name = mailstack-$IMAP
log_path = $DIR/dovecot.log
protocols = imap lmtp
listen = 127.0.0.1
login_greeting = mailstack ready
auth_mechanisms = plain login
ssl = yes
first_valid_uid = 1
mail_max_userip_connections = 200
lda_mailbox_autocreate = yes
postmaster_address = postmaster@$DOMAIN
namespace inbox {
  inbox = yes
  separator = /
}
# long-lived login processes: a log-in costs no fork and exec
service imap-login {
  $requests
  process_min_avail = 1
  inet_listener imap {
    port = $IMAP
  }
  inet_listener imaps {
    port = $IMAPS
    ssl = yes
  }
}
service imap {
  process_min_avail = 1
}
service lmtp {
  inet_listener lmtp {
    port = $LMTP
  }
}
EOC
  # every user exists
  case $version in
    2.3.*)
      cat <<EOC
disable_plaintext_auth = no
auth_username_format = %Ln
ssl_cert = <$DIR/tls/cert.pem
ssl_key = <$DIR/tls/key.pem
mail_location = maildir:~/Maildir
passdb {
  driver = static
  args = password=$PASS
}
userdb {
  driver = static
  args = uid=$OWNER gid=$GROUP home=$DIR/home/%n allow_all_users=yes
}
EOC
      ;;
    *)
      cat <<EOC
auth_allow_cleartext = yes
auth_username_format = %{user | username | lower}
ssl_server_cert_file = $DIR/tls/cert.pem
ssl_server_key_file = $DIR/tls/key.pem
mail_driver = maildir
mail_path = ~/Maildir
passdb static {
  password = $PASS
}
userdb static {
  allow_all_users = yes
  fields {
    uid = $OWNER
    gid = $GROUP
    home = $DIR/home/%{user | username}
  }
}
EOC
      ;;
  esac
  # without root nothing can change its user or its root folder
  [ "$(id -u)" = 0 ] || cat <<EOC
default_internal_user = $OWNER
default_internal_group = $GROUP
default_login_user = $OWNER
service anvil {
  chroot =
}
service imap-login {
  chroot =
}
service stats {
  chroot =
}
EOC
}

write_config() {
  mkdir -p "$DIR"/{run,state,home,smtp,tls}
  touch "$DIR/.mailstack"
  # Dovecot's own users must get through, and only that
  chmod 711 "$DIR"
  [ "$(id -u)" != 0 ] || chown mail:mail "$DIR/home"
  if [ ! -s "$DIR/tls/cert.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
      -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
      -keyout "$DIR/tls/key.pem" -out "$DIR/tls/cert.pem" 2>/dev/null
    chmod 600 "$DIR/tls/key.pem"
  fi
  dovecot_settings > "$CONF"
  cat > "$DIR/smtp.py" <<'EOP'
"""SMTP relay of mailstack.sh: @DOMAIN goes to Dovecot over LMTP, all else is only recorded."""
import asyncio, itertools, json, os, signal, smtplib, sys
from aiosmtpd.smtp import SMTP

root, port, lmtp_port, domain = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].lower()
SMTP.line_length_limit = int(sys.argv[5]) + 1
box = os.path.join(root, "smtp")
start = max([int(n[:-4]) for n in os.listdir(box) if n.endswith(".eml")], default=0)
numbers = itertools.count(start + 1)


def deliver(sender, rcpts, data):
    with smtplib.LMTP("127.0.0.1", lmtp_port, timeout=60) as c:
        c.sendmail(sender, rcpts, data)


class Handler:
    async def handle_DATA(self, server, session, env):
        data = env.content if isinstance(env.content, bytes) else env.content.encode()
        try:
            with open(os.path.join(root, "smtp.fault")) as f:
                status = f.read().strip()
        except FileNotFoundError:
            status = ""
        local = [r for r in env.rcpt_tos if r.rpartition("@")[2].lower() == domain]
        if not status and local:
            try:
                await asyncio.get_running_loop().run_in_executor(
                    None, deliver, env.mail_from or "", local, data)
            except smtplib.SMTPRecipientsRefused as e:
                code, text = next(iter(e.recipients.values()))
                status = f"{code} {text.decode(errors='replace')}".splitlines()[0]
            except (smtplib.SMTPException, OSError) as e:
                status = f"451 4.3.0 LMTP: {type(e).__name__}"
        status = status or "250 2.0.0 accepted"
        base = os.path.join(box, "%06d" % next(numbers))
        with open(base + ".json.tmp", "w") as f:
            json.dump({"from": env.mail_from, "to": env.rcpt_tos, "size": len(data), "status": status}, f)
        with open(base + ".eml", "wb") as f:
            f.write(data)
        os.rename(base + ".json.tmp", base + ".json")   # last: a reader that sees it sees both
        return status


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Handler(), hostname="mailstack", data_size_limit=64 << 20,
                     enable_SMTPUTF8=True, timeout=300), "127.0.0.1", port)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.close()

asyncio.run(main())
EOP
}

imap_runs() { alive "$DIR/run/master.pid" "$CONF"; }
smtp_runs() { alive "$DIR/smtp.pid" "$DIR/smtp.py"; }

start_imap() {
  # a daemon must not hold our stdout: a test that captures the output of 'start' would wait for ever
  dovecot -c "$CONF" </dev/null >"$DIR/start.log" 2>&1 || { cat "$DIR/start.log" >&2; die "dovecot did not start"; }
  for _ in $(seq 200); do
    [[ $(greeting "$IMAP") != "* OK"* ]] || return 0
    sleep 0.05
  done
  tail -n 20 "$DIR/start.log" "$DIR/dovecot.log" >&2 || true
  die "dovecot did not come up"
}

start_smtp() {
  local python; python=$(find_python)
  setsid "$python" "$DIR/smtp.py" "$DIR" "$SMTP" "$LMTP" "$DOMAIN" "$MAXLINE" </dev/null >>"$DIR/smtp.log" 2>&1 &
  echo $! > "$DIR/smtp.pid"
  for _ in $(seq 200); do
    [[ $(greeting "$SMTP") != 220* ]] || return 0
    sleep 0.05
  done
  tail -n 20 "$DIR/smtp.log" >&2 || true
  die "the SMTP relay did not come up"
}

start() {
  if imap_runs && smtp_runs; then echo "mailstack already runs in $DIR"; return; fi
  check_programs
  stop
  mkdir -p "$DIR"
  free_ports
  local p; for p in "$IMAP" "$IMAPS" "$LMTP" "$SMTP"; do
    if open_port "$p"; then rm -f "$DIR/ports"; die "port $p is taken by another program"; fi
  done
  write_config
  (start_imap && start_smtp) || { stop; exit 1; }
  echo "mailstack: imap 127.0.0.1:$IMAP imaps :$IMAPS lmtp :$LMTP smtp :$SMTP user $USER_ dir $DIR"
}

# end FILE WORD: ends the process whose pid is in FILE, if WORD is on its command line
end() {
  local pid
  if alive "$1" "$2"; then
    pid=$(cat "$1"); kill "$pid"
    for _ in $(seq 250); do alive "$1" "$2" || break; sleep 0.02; done
    if alive "$1" "$2"; then kill -9 "$pid"; fi
  fi
  rm -f "$1"
}
stop_imap() { end "$DIR/run/master.pid" "$CONF"; }
stop() { stop_imap; end "$DIR/smtp.pid" "$DIR/smtp.py"; }

doveadm_() { doveadm -c "$CONF" "$@"; }

kick() { doveadm_ kick "$1" >/dev/null 2>&1 || true; }

load() {
  local how=maildir; if [ "${1:-}" = --lmtp ]; then how=lmtp; shift; fi
  local src=${1:?load needs a directory of .eml files} user=${2:-$USER_}
  valid_user "$user"
  [ -d "$src" ] || die "no directory $src"
  python3 - "$how" "$src" "$DIR/home/$user/Maildir" "$user@$DOMAIN" "$LMTP" <<'EOP'
import glob, os, pwd, smtplib, sys, time
how, src, box, rcpt, port = sys.argv[1:]
files = sorted(glob.glob(os.path.join(glob.escape(src), "*.eml")))
if how == "lmtp":
    c = smtplib.LMTP("127.0.0.1", int(port), timeout=60)
    for f in files:
        c.sendmail("sender@example.org", [rcpt], open(f, "rb").read())
    c.quit()
else:
    # what root makes must belong to the user that Dovecot works as
    mail = pwd.getpwnam("mail") if os.getuid() == 0 else None
    if mail:
        os.setegid(mail.pw_gid)
        os.seteuid(mail.pw_uid)
    for d in ("tmp", "new", "cur"):
        os.makedirs(os.path.join(box, d), mode=0o700, exist_ok=True)
    sec, pid = int(time.time()), os.getpid()
    for n, f in enumerate(files):
        if mail:
            os.seteuid(0)
        with open(f, "rb") as source:
            body = source.read()
        if mail:
            os.seteuid(mail.pw_uid)
        # Dovecot gives UIDs in the order of seconds, then M<microseconds>
        name = "%d.M%06dP%d.mailstack" % (sec + n // 1000000, n % 1000000, pid)
        tmp = os.path.join(box, "tmp", name)
        with open(tmp, "wb") as o:
            o.write(body)
        os.rename(tmp, os.path.join(box, "new", name))
EOP
  count "$user"
}

count() {
  valid_user "${1:-$USER_}"
  doveadm_ mailbox status -u "${1:-$USER_}" messages INBOX | sed 's/.*messages=//'
}

clear_user() {
  valid_user "$1"; kick "$1"; rm -rf "${DIR:?}/home/$1"
}

choose_ports
case ${1:-} in
  start | imap-stop | stop | destroy | "") ;;
  status | reset | env | load | count | clear | kick | fault | imap-start)
    [ -e "$DIR/.mailstack" ] || die "there is no mailstack in $DIR: start it first" ;;
esac
case ${1:-} in
  start) start ;;
  stop) stop ;;
  imap-stop) stop_imap ;;
  imap-start) imap_runs || start_imap ;;
  status)
    for f in run/master.pid smtp.pid; do echo "$f $(cat "$DIR/$f" 2>/dev/null || echo none)"; done
    open_port "$IMAP" && open_port "$SMTP" && echo "up: imap $IMAP imaps $IMAPS lmtp $LMTP smtp $SMTP" ;;
  reset) kick '*'; rm -rf "${DIR:?}/home/"* "$DIR/smtp/"* "$DIR/smtp.fault" ;;
  load) shift; load "$@" ;;
  count) count "${2:-$USER_}" ;;
  clear) clear_user "${2:-$USER_}" ;;
  kick) kick "${2:-$USER_}" ;;
  fault)
    if [ "${2:?fault needs a reply or off}" = off ]; then rm -f "$DIR/smtp.fault"
    else printf '%s\n' "$2" > "$DIR/smtp.fault"; fi ;;
  env)
    cat <<EOE
export MAILSTACK_DIR='$DIR' MAILSTACK_HOST=127.0.0.1 MAILSTACK_IMAP_PORT=$IMAP MAILSTACK_IMAPS_PORT=$IMAPS
export MAILSTACK_LMTP_PORT=$LMTP MAILSTACK_SMTP_PORT=$SMTP MAILSTACK_USER='$USER_' MAILSTACK_PASS='$PASS'
export MAILSTACK_DOMAIN='$DOMAIN' MAILSTACK_CERT='$DIR/tls/cert.pem'
EOE
    ;;
  destroy)
    stop
    # only what is a stack of ours
    [ ! -e "$DIR" ] || [ -e "$DIR/.mailstack" ] || [ -z "$(ls -A "$DIR")" ] || die "$DIR is not mine to remove"
    rm -rf "${DIR:?}" ;;
  *) sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//'; exit 2 ;;
esac
