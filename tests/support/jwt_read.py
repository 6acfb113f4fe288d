#!/usr/bin/env python3
"""Reads a JSON Web Token with PyJWT, as GOV.UK Notify's own clients and servers do.

Reads JSON from standard input: {"token", "secret"}. Prints {"header", "claims"}, or fails where the signature is wrong.
"""
import json
import sys

import jwt

asked = json.load(sys.stdin)
claims = jwt.decode(
    asked["token"],
    asked["secret"],
    algorithms=["HS256"],
    # The test's clock stands still, so the time is compared by the test.
    options={"verify_iat": False, "require": ["iss", "iat"]},
)
json.dump({"header": jwt.get_unverified_header(asked["token"]), "claims": claims}, sys.stdout)
