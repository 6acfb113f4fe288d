#!/usr/bin/env python3
"""Posts texts as Twilio and GOV.UK Notify do, many of them, again and again until they are taken.

usage: posts.py twilio  --url URL --public-url URL --token TOKEN [--count N] [--repeats SHARE] [--at-once N] [--ids FILE]
       posts.py notify  --url URL --token TOKEN [--rate N] [--seconds S] [--again-after S] [--ids FILE]
       posts.py floor   the same as notify, once each, whatever is answered
       posts.py compare --ids FILE          the texts' names as stored on standard input, one a line

twilio   posts N texts, of which SHARE are a second delivery of one that was posted before, so that N * (1 - SHARE) are
         different. Each is signed with Twilio's own library, under the public URL. What is refused, cut off, late or
         answered with 5xx is posted again after a moment, until it is answered with 2xx.
notify   posts RATE texts a second, each at its moment whatever becomes of the others, so that a slow answer delays only
         itself. Latency counts from that moment. After 5xx, 429, a lost connection or no answer within 5 s it is posted
         again after --again-after seconds (Notify: 300), five times at most: those are counted apart.
compare  exits 1 where a text is missing, there twice, or nobody posted it.

Any other 4xx loses a text at either provider: exit 1. Numbers of texts that were answered are printed as they grow
("answered 20"), so that who reads them knows when to kill the server; the last line is one JSON object.
The numbers are those that Ofcom keeps free for stories: +447700900000 to +447700900999.
"""
import argparse
import collections
import http.client
import json
import queue
import random
import socket
import sys
import threading
import time
import urllib.parse
import uuid

WAIT = 0.2          # before a text is posted again as by Twilio
PATIENCE = {"twilio": 15, "notify": 5, "floor": 5}     # seconds that each provider waits for an answer
TRIES = 6           # Notify: once and five times more

PLACES = ["Mill Lane", "Signal Row", "Abbey Street", "Station Road", "Church Walk", "Orchard Close"]
TROUBLES = [
    "The street light column {n} in {place} is out, please repair it",
    "There is a pothole by number {n} in {place}, a bicycle nearly fell",
    "Our bin at {n} {place} was not collected this week",
    "Somebody dumped a mattress outside {n} {place}",
    "Graffiti on the wall of {n} {place}, can it be removed",
]


def text(number):
    """Who writes and what: ten texts of each number, so that nobody writes too many."""
    words = TROUBLES[number % len(TROUBLES)].format(n=number, place=PLACES[number % len(PLACES)])
    return f"+447700900{number % 1000:03}", words


class Poster:
    """What was posted and what became of it, over all threads."""

    def __init__(self, arguments, kind):
        self.arguments, self.kind = arguments, kind
        url = urllib.parse.urlsplit(arguments.url)
        self.host, self.port, self.path = url.hostname, url.port or 80, url.path
        self.lock = threading.Lock()
        self.answered = 0
        self.again = collections.Counter()
        self.lost = collections.Counter()
        self.times = []
        self.local = threading.local()

    def once(self, body, headers):
        """Posts once, over the thread's own connection; the status, or a word for what went wrong."""
        connection = getattr(self.local, "connection", None)
        try:
            if connection is None:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE[self.kind])
                connection.connect()
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.local.connection = connection
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (TimeoutError, socket.timeout):
            self.hang_up()
            return "no answer in time"
        except ConnectionRefusedError:
            self.hang_up()
            return "refused"
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return "cut off"

    def hang_up(self):
        connection, self.local.connection = getattr(self.local, "connection", None), None
        if connection is not None:
            connection.close()

    def note(self, status):
        """Counts an answer; whether it is to be posted again."""
        with self.lock:
            if isinstance(status, int) and 200 <= status < 300:
                self.answered += 1
                if self.answered % 20 == 0:
                    print(f"answered {self.answered}", flush=True)
                return False
            if isinstance(status, int) and status < 500 and status != 429:
                self.lost[str(status)] += 1
                return False
            self.again[str(status)] += 1
            return True

    def report(self, began, **more):
        took = time.monotonic() - began
        self.times.sort()
        at = lambda share: round(1000 * self.times[min(len(self.times) - 1, int(share * len(self.times)))], 1)
        latency = {"median": at(0.5), "95th": at(0.95), "99th": at(0.99), "max": at(1)} if self.times else {}
        print(json.dumps({
            "answered": self.answered, "lost": dict(self.lost), "again": dict(self.again), "seconds": round(took, 1),
            "a_second": round(self.answered / took, 1), "milliseconds": latency, **more}), flush=True)
        return 1 if self.lost else 0


def keep_ids(arguments, ids):
    if arguments.ids:
        with open(arguments.ids, "w", encoding="ascii") as file:
            file.writelines(f"{id}\n" for id in ids)


def twilio(arguments):
    from twilio.request_validator import RequestValidator
    validator = RequestValidator(arguments.token)
    different = arguments.count - round(arguments.count * arguments.repeats)
    chance = random.Random(arguments.seed)
    posts = []
    for number in range(different):
        sender, words = text(number)
        fields = {
            "MessageSid": f"SM{chance.getrandbits(128):032x}", "AccountSid": "AC00000000000000000000000000000001",
            "From": sender, "To": "+442079460123", "Body": words, "NumMedia": "0", "SmsStatus": "received"}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": validator.compute_signature(arguments.public_url, fields)}
        posts.append((fields["MessageSid"], urllib.parse.urlencode(fields), headers))
    keep_ids(arguments, [sid for sid, _, _ in posts])
    # The second delivery comes anywhere after the first, at times in the same moment.
    order = [(number, number) for number in range(different)]
    for number in chance.sample(range(different), arguments.count - different):
        order.append((min(number + chance.choice([0, 1, 5, 100, different]), different), number))
    order.sort(key=lambda pair: pair[0])

    poster = Poster(arguments, "twilio")
    waiting = queue.SimpleQueue()
    for _, number in order:
        waiting.put(posts[number])

    def work():
        while True:
            try:
                _, body, headers = waiting.get_nowait()
            except queue.Empty:
                return
            while True:
                start = time.monotonic()
                status = poster.once(body, headers)
                took = time.monotonic() - start
                if not poster.note(status):
                    break
                time.sleep(WAIT)
            with poster.lock:
                poster.times.append(took)

    began = time.monotonic()
    run(work, arguments.at_once)
    return poster.report(began, posts=len(order), different=different)


def notify(arguments, kind="notify"):
    poster = Poster(arguments, kind)
    count = int(arguments.rate * arguments.seconds)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {arguments.token}"}
    posts = []
    for number in range(count):
        sender, words = text(number)
        name = str(uuid.UUID(int=random.Random(f"{arguments.seed}/{number}").getrandbits(128), version=4))
        posts.append((name, json.dumps({
            "id": name, "source_number": sender[1:], "destination_number": "07700900999", "message": words,
            "date_received": time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())})))
    keep_ids(arguments, [name for name, _ in posts])
    began = time.monotonic() + 0.5
    # when, how often it was tried, which
    due = queue.PriorityQueue()
    for number in range(count):
        due.put((began + number / arguments.rate, 0, number))
    left = threading.Semaphore(0)
    first = collections.Counter()

    def work():
        while True:
            when, tried, number = due.get()
            if number < 0:
                return
            time.sleep(max(0, when - time.monotonic()))
            status = poster.once(posts[number][1], headers)
            took = time.monotonic() - when
            if kind == "floor":
                with poster.lock:
                    poster.answered += isinstance(status, int)
                    poster.times.append(took)
                left.release()
                continue
            again = poster.note(status)
            with poster.lock:
                if tried == 0:
                    first[str(status)] += 1
                    poster.times.append(took)
                if again and tried + 1 >= TRIES:
                    poster.lost["tried too often"] += 1
            if again and tried + 1 < TRIES:
                due.put((time.monotonic() + arguments.again_after, tried + 1, number))
            else:
                left.release()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(arguments.at_once)]
    for thread in threads:
        thread.start()
    for _ in range(count):
        left.acquire()
    for _ in threads:
        due.put((0, 0, -1))
    for thread in threads:
        thread.join()
    over = sum(took > 1 for took in poster.times)
    return poster.report(began, posts=count, first_answers=dict(first), over_a_second=over)


def compare(arguments):
    with open(arguments.ids, encoding="ascii") as file:
        posted = set(file.read().split())
    stored = collections.Counter(sys.stdin.read().split())
    missing, twice = posted - stored.keys(), [name for name, times in stored.items() if times > 1]
    unknown = stored.keys() - posted
    print(f"{len(posted)} posted, {len(stored)} stored, {len(missing)} missing, {len(twice)} there twice, "
          f"{len(unknown)} that nobody posted")
    return 1 if missing or twice or unknown else 0


def run(work, at_once):
    threads = [threading.Thread(target=work, daemon=True) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("mode", choices=["twilio", "notify", "floor", "compare"])
    parser.add_argument("--url")
    parser.add_argument("--public-url")
    parser.add_argument("--token")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--repeats", type=float, default=0.05)
    parser.add_argument("--at-once", type=int)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--again-after", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ids")
    arguments = parser.parse_args()
    if arguments.at_once is None:
        arguments.at_once = 16 if arguments.mode == "twilio" else 200
    if arguments.mode == "compare":
        return compare(arguments)
    return twilio(arguments) if arguments.mode == "twilio" else notify(arguments, arguments.mode)


sys.exit(main())
