#!/usr/bin/env bash
# bench.sh - messages a second from a real IMAP mailbox (a private Dovecot) to committed case and queued mail, beside the
# bare fetch, one durable commit a message, and the encoder alone. Arguments go to `beadle bench ingest`.
set -euo pipefail
cd "$(dirname "$0")/.."
MAILSTACK_DIR=$(mktemp -d /tmp/beadle-bench.XXXXXX)
export MAILSTACK_DIR
trap 'tests/support/mailstack.sh destroy || true' EXIT
tests/support/mailstack.sh start
mail=$(tests/support/mailstack.sh env)
eval "$mail"
mkdir "$MAILSTACK_DIR/mails"
# 600 of the written messages, each as a mail from somebody else
python3 - "$MAILSTACK_DIR/mails" <<'PY'
import glob, json, sys
lines = [l for f in sorted(glob.glob("training-data/messages/*.jsonl")) for l in open(f, encoding="utf-8")]
for n, line in enumerate(lines[:: max(1, len(lines) // 600)][:600]):
    head = (f"Authentication-Results: mx.brackenmere.example; dmarc=pass header.from=home{n}.example\r\n"
            f"From: Resident {n} <r@home{n}.example>\r\nTo: cllr.nowak@brackenmere.example\r\nSubject: Message {n}\r\n"
            f"Message-ID: <bench{n}@home{n}.example>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
    with open(f"{sys.argv[1]}/{n:05}.eml", "wb") as f:
        f.write((head + json.loads(line)["text"].replace("\n", "\r\n") + "\r\n").encode())
PY
tests/support/mailstack.sh load "$MAILSTACK_DIR/mails" bench
"${CARGO_TARGET_DIR:-target}/release/beadle" bench ingest \
  --mailbox "imap://bench:$MAILSTACK_PASS@127.0.0.1:$MAILSTACK_IMAP_PORT/INBOX" "$@"
