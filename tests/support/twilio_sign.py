#!/usr/bin/env python3
"""Signs requests as Twilio does, with Twilio's own library.

Reads JSON from standard input: a list of {"token", "url", "body"}, where body is what is posted: a form, or JSON (then
the URL gets the query bodySHA256). Prints a list of {"signature", "url"} in the same order. Each is also shown to the
library's own check, which has to agree.

scripts/setup.sh test puts the library into vendor/tools/python; the tests set PYTHONPATH.
"""
import json
import sys
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator


class Fields(dict):
    """Fields of which a name may have several values, as web frameworks hand them to the library."""

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name):
        return self[name]


def sign(request):
    validator = RequestValidator(request["token"])
    url, body = request["url"], request["body"]
    if body.startswith("{"):
        url += ("&" if "?" in url else "?") + "bodySHA256=" + validator.compute_hash(body)
        params, signed = body, {}
    else:
        params = signed = Fields(parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body)))
    signature = validator.compute_signature(url, signed)
    assert validator.validate(url, params, signature)
    return {"signature": signature, "url": url}


json.dump([sign(request) for request in json.load(sys.stdin)], sys.stdout)
