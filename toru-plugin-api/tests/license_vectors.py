"""Verifies the licence vectors by an implementation of its own, written from the description of the format.

Usage: license_vectors.py FILE

hs256 by Python's standard library; ed25519 by the package `cryptography`, and left out where that is missing.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import sys
import unicodedata

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None

ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FEATURE = re.compile(r"[a-z0-9_.-]{1,64}")
KEY_ID = re.compile(r"[a-z0-9-]{1,32}")
WORD = re.compile(r"[a-z0-9]{1,16}")
DAY = 24 * 60 * 60


class Refused(Exception):
    """Carries the code."""


def decode(part):
    if not re.fullmatch(r"[A-Za-z0-9_-]*", part) or len(part) % 4 == 1:
        raise Refused("malformed")
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise Refused("malformed")
    return decoded


def start(text):
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise Refused("malformed")
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        raise Refused("malformed") from None
    return (day - datetime.date(1970, 1, 1)).days * DAY


def read(payload):
    try:
        claims = json.loads(payload.decode())
    except ValueError:
        raise Refused("malformed") from None
    if not isinstance(claims, dict):
        raise Refused("malformed")
    texts = [value for name, value in claims.items() if name != "features"] + list(claims.get("features") or [])
    if not all(isinstance(text, str) for text in texts):
        raise Refused("malformed")
    known = {"expires", "features", "instance", "issued", "licensee", "plugin"}
    if not {"instance", "issued", "plugin"} <= set(claims) <= known:
        raise Refused("malformed")
    canonical = json.dumps(claims, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if canonical.encode(errors="replace") != payload:
        raise Refused("malformed")
    licensee = claims.get("licensee")
    if licensee is not None:
        if not 1 <= len(licensee) <= 128 or any(unicodedata.category(char) == "Cc" for char in licensee):
            raise Refused("malformed")
    features = claims.get("features")
    if features is not None:
        if not features or len(features) > 64 or sorted(set(features)) != features:
            raise Refused("malformed")
        if not all(FEATURE.fullmatch(feature) for feature in features):
            raise Refused("malformed")
    if not ID.fullmatch(claims["plugin"]) or not UUID.fullmatch(claims["instance"]):
        raise Refused("malformed")
    if set(claims["instance"]) == {"0", "-"}:
        raise Refused("malformed")
    issued = start(claims["issued"])
    if "expires" in claims and start(claims["expires"]) < issued:
        raise Refused("malformed")
    return claims


def is_genuine(algorithm, key, signed, signature):
    if algorithm == "hs256":
        return hmac.compare_digest(hmac.new(key, signed, hashlib.sha256).digest(), signature)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def verify(vector):
    text = vector["text"]
    if len(text.encode()) > 4096:
        raise Refused("malformed")
    parts = text.split(".")
    if len(parts) != 5:
        raise Refused("malformed")
    version, algorithm, key_id, payload, signature = parts
    for word, expected in ((version, "toru1"), (algorithm, vector["algorithm"])):
        if word != expected:
            raise Refused("unsupported" if WORD.fullmatch(word) else "malformed")
    if not KEY_ID.fullmatch(key_id):
        raise Refused("malformed")
    payload, signature = decode(payload), decode(signature)
    if key_id != vector["key_id"]:
        raise Refused("unsupported")
    signed = text.rpartition(".")[0].encode()
    if not is_genuine(algorithm, bytes.fromhex(vector["key"]), signed, signature):
        raise Refused("invalid_signature")
    claims = read(payload)
    issued = start(claims["issued"])
    expires = start(claims["expires"]) if "expires" in claims else None
    if claims["plugin"] != vector["plugin"]:
        raise Refused("wrong_plugin")
    if claims["instance"] != vector["instance"]:
        raise Refused("wrong_instance")
    if vector["now"] + DAY < issued:
        raise Refused("not_yet_valid")
    if expires is not None and vector["now"] >= expires + DAY:
        raise Refused("expired")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    counts, wrong = {}, 0
    for vector in vectors:
        algorithm = vector["algorithm"]
        if algorithm == "ed25519" and Ed25519PublicKey is None:
            continue
        try:
            verify(vector)
            result = "accepted"
        except Refused as refused:
            result = str(refused)
        counts[algorithm] = counts.get(algorithm, 0) + 1
        if result != vector["result"]:
            wrong += 1
            print(f"{vector['result']} expected, {result} found: {vector['text']}")
    print(counts)
    sys.exit(1 if wrong else 0)


main()
