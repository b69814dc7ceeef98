#!/usr/bin/env python3
"""Verifies a kit of evidence offline, sharing no code with `martlet verify`: same codes of findings, same exit codes.

  verify_kit.py [--key KEYID | --trust FILE] [--json] KIT
  verify_kit.py --batch DIR        one JSON line for each kit in DIR, for tests

Exit code: 0 everything verified, 1 findings, 2 not a kit that can be judged. Needs Python 3.9 and `cryptography`.
The format is described in docs/formats/kit.md, a bundle in docs/formats/evidence.md.
"""
import argparse
import base64
import binascii
import hashlib
import json
import math
import os
import re
import stat
import struct
import sys
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ENTRIES_MAX = 65_534
FINDINGS_MAX = 10_000  # kept: a hostile kit can have one for every few bytes
ENTRY_BYTES_MAX = 32 << 20
BYTES_MAX = 2**32 - 1
BUNDLE_BYTES_MAX = 262_144
CHUNK_BUNDLES_MAX = 1_000
RECEIPT_BYTES_MAX = 65_536
INTEGER_MAX = 2**53 - 1
SEQUENCE_MAX = 999_999_999_999
SKEW = timedelta(minutes=5)


class Refusal(Exception):
    """Not a kit that can be judged."""


class Malformed(Exception):
    """JSON, or a field, that is not what it should be."""


# --- JSON -----------------------------------------------------------------------------------------------------------


def parse_json(data, bytes_max, depth_max):
    """Strict JSON with printable ASCII keys: what is one name in one version of Unicode need not be in another."""
    if len(data) > bytes_max:
        raise Malformed("too large")

    def members(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise Malformed("a key twice")
            if not all(" " <= character <= "~" for character in key):
                raise Malformed("a key that is not printable ASCII")
            seen.add(key)
        return dict(pairs)

    def integer(text):
        # Longer ones are beyond any double, which float() says with an exception of its own.
        number = int(text) if len(text) <= 300 else None
        if number is None:
            raise Malformed("a number that a double cannot hold")
        if abs(number) <= INTEGER_MAX:
            return number
        double = float(number)
        if not math.isfinite(double) or number_text(double) != text:
            raise Malformed("an integer that a double cannot hold")
        return double

    def fraction(text):
        double = float(text)
        if not math.isfinite(double):
            raise Malformed("a number that a double cannot hold")
        return int(double) if double.is_integer() and abs(double) <= INTEGER_MAX else double

    def constant(text):
        raise Malformed("no JSON")

    try:
        text = data.decode("utf-8", "strict")
        if text.startswith("\ufeff"):
            raise Malformed("a byte order mark")
        value = json.loads(
            text, object_pairs_hook=members, parse_int=integer, parse_float=fraction, parse_constant=constant)
        check_tree(value, depth_max)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from None
    return value


def check_tree(value, depth_left):
    """Depth, and no half surrogate pairs."""
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, (list, dict)):
        if depth_left == 0:
            raise Malformed("nested too deep")
        if isinstance(value, dict):
            for key in value:
                key.encode("utf-8")
            value = value.values()
        for item in value:
            check_tree(item, depth_left - 1)


def canonical(value):
    """RFC 8785."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, str):
        # json.dumps escapes as RFC 8785 does, but for U+007F, which it leaves alone too when not limited to ASCII.
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"


def number_text(number):
    """ECMAScript's Number::toString from Python's shortest digits."""
    if isinstance(number, int):
        return str(number)
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    mantissa, exponent = f"{abs(number)!r}e0".split("e")[:2]
    whole, _, part = mantissa.partition(".")
    point = len(whole) + int(exponent)
    digits = whole + part
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    text = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{sign}{text}e{'+' if point > 0 else '-'}{abs(point - 1)}"


# --- Fields ---------------------------------------------------------------------------------------------------------

IDENTIFIER = "[0-9abcdefghjkmnpqrstvwxyz]{26}"
SITE, APPLIANCE, ORGANIZATION = f"site_{IDENTIFIER}", f"appl_{IDENTIFIER}", f"orgn_{IDENTIFIER}"
BUNDLE, ORDER, INCIDENT = f"bndl_{IDENTIFIER}", f"ordr_{IDENTIFIER}", f"incd_{IDENTIFIER}"
NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
DIGEST = "[0-9a-f]{64}"
KEY = "key_[0-9a-f]{16}"


def require(condition, what="a field"):
    if not condition:
        raise Malformed(what)


def need(value, key):
    require(isinstance(value, dict) and value.get(key) is not None, key)
    return value[key]


def text(value, key, bytes_max, pattern=None):
    found = need(value, key)
    require(isinstance(found, str) and len(found.encode()) <= bytes_max, key)
    require(pattern is None or re.fullmatch(pattern, found), key)
    return found


def optional(value, key, read, *arguments):
    require(isinstance(value, dict), key)
    return None if value.get(key) is None else read(value, key, *arguments)


def integer(value, key, low=-INTEGER_MAX, high=INTEGER_MAX):
    found = need(value, key)
    require(type(found) is int and low <= found <= high, key)
    return found


def flag(value, key):
    found = need(value, key)
    require(isinstance(found, bool), key)
    return found


def instant_text(found):
    require(isinstance(found, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", found))
    # Python has no year 0; 0000 is a leap year like 2000, and so far back that only its form matters.
    try:
        return datetime.strptime(found if found[:4] != "0000" else "0004" + found[4:], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Malformed("an instant") from None


def instant(value, key):
    return instant_text(text(value, key, 24))


def items(value, key, count_max):
    found = need(value, key)
    require(isinstance(found, list) and len(found) <= count_max, key)
    return found


def word(value, key, words):
    require(text(value, key, 100) in words, key)
    return value[key]


def verdict(value):
    require(isinstance(value, dict), "verdict")
    code = optional(value, "code", text, 200, NAME)
    found = text(value, "word", 20)
    require(found == "compliant" and code is None or found in ("drift", "unknown", "not_applicable") and code is not None, "verdict")


def typed_value(value):
    if isinstance(value, bool) or type(value) is int:
        return
    if isinstance(value, str):
        return require(len(value.encode()) <= 65_536)
    if isinstance(value, list):
        return require(len(value) <= 4_096 and all(isinstance(item, str) for item in value))
    require(isinstance(value, dict) and len(value) == 1)
    (kind, content), = value.items()
    require(isinstance(content, str))
    if kind == "instant":
        instant_text(content)
    elif kind == "version":
        require(1 <= len(content.encode()) <= 200 and re.fullmatch("[!-~]+", content))
    else:
        require(kind == "integer" and re.fullmatch("-?[1-9][0-9]{15,18}", content))
        require(INTEGER_MAX < abs(int(content)) and -(2**63) <= int(content) < 2**63)


def facts(value):
    require(isinstance(value, dict) and set(value) <= {"unknown", "values"})
    values, unknown = need(value, "values"), need(value, "unknown")
    require(isinstance(values, dict) and isinstance(unknown, dict) and len(values) + len(unknown) <= 1_024)
    for name, content in values.items():
        require(re.fullmatch(NAME, name))
        typed_value(content)
    for name, code in unknown.items():
        require(re.fullmatch(NAME, name) and name not in values and isinstance(code, str) and re.fullmatch(NAME, code))


def bundle_fields(value):
    """Raises unless every field is well formed; returns what the chain needs."""
    require(isinstance(value, dict))
    text(value, "id", 200, BUNDLE)
    sequence = integer(value, "sequence", 0)
    previous = text(value, "previous", 64, DIGEST)
    word(value, "kind", {"verdict", "attestation", "healing", "decision", "order", "system", "expectation", "gap"})
    site, appliance = text(value, "site", 200, SITE), text(value, "appliance", 200, APPLIANCE)
    word(value, "deploymentMode", {"reseller", "direct"})
    for key in ("reseller", "nixosRevision", "derivationDigest"):
        optional(value, key, text, 200)
    for key in ("policyVersion", "softwareVersion"):
        text(value, key, 200)
    integer(value, "catalogVersion", 0)
    text(value, "rulesetDigest", 200, DIGEST)
    host = text(value, "host", 200, NAME)
    check = optional(value, "check", text, 200, NAME)
    controls = need(value, "controls")
    require(isinstance(controls, dict))
    for framework in controls:
        for item in items(controls, framework, 512):
            text(item, "control", 200)
            word(item, "confidence", {"direct", "supporting"})
    require(sum(map(len, controls.values())) <= 512)
    if value.get("verdict") is not None:
        verdict(value["verdict"])
    for item in items(value, "attested", 1_024):
        text(item, "check", 200, NAME)
        verdict(need(item, "verdict"))
        instant(item, "observed")
        text(item, "factsDigest", 200, DIGEST)
    expected = items(value, "expected", 1_024) if value.get("expected") is not None else []
    for item in expected:
        text(item, "check", 200, NAME)
        integer(item, "intervalSeconds", 1, 31_622_400)
        integer(item, "staleAfterSeconds", 1, 31_622_400)
    checks = [item["check"] for item in expected]
    require(checks == sorted(set(checks)) and (not checks or value["kind"] == "expectation"), "expected")
    facts(need(value, "preState"))
    facts(need(value, "postState"))
    for item in items(value, "actions", 256):
        integer(item, "step", 1, 1_000_000)
        text(item, "verb", 100)
        text(item, "target", 4_096)
        optional(item, "exit", integer, 0, 255)
        integer(item, "durationMs")
        text(item, "result", 100)
    flag(value, "rollbackAvailable")
    instant(value, "observed")
    instant(value, "started")
    ended = instant(value, "ended")
    clock = need(value, "clock")
    optional(clock, "offsetMs", integer)
    text(clock, "source", 200)
    outcome = need(value, "outcome")
    code = optional(outcome, "code", text, 200, NAME)
    until = optional(outcome, "until", instant)
    recheck = outcome.get("recheck")
    if recheck is not None:
        require(text(recheck, "host", 200, NAME) == host and text(recheck, "check", 200, NAME) == check, "recheck")
        require((value.get("verdict") or {}).get("word") == "compliant", "recheck")
        instant(recheck, "started")
        instant(recheck, "ended")
    found = text(outcome, "word", 20)
    require(found in {"success", "failed", "reverted", "deferred", "alert", "rejected", "expired", "observed"})
    require((recheck is not None) == (found == "success") and (until is not None) == (found == "deferred"))
    require((code is None) == (found in ("success", "observed")) and (value["kind"] != "gap" or found == "alert"))
    optional(value, "order", text, 200, ORDER)
    optional(value, "runbook", text, 200, NAME)
    optional(value, "incident", text, 200, INCIDENT)
    optional(value, "tier", word, {"l1", "l2", "l3"})
    optional(value, "requester", text, 400)
    optional(value, "approver", text, 400)
    text(value, "note", 65_536)
    return {"site": site, "appliance": appliance, "sequence": sequence, "previous": previous, "ended": ended}


def manifest_fields(value):
    require(isinstance(value, dict) and text(value, "schema", 100) == "martlet.kit/v1", "schema")
    text(value, "site", 200, SITE)
    text(need(value, "organization"), "id", 200, ORGANIZATION)
    text(value["organization"], "name", 400)
    instant(need(value, "period"), "from")
    instant(value["period"], "until")
    text(value, "key", 200, KEY)
    for key in items(value, "receiptKeys", 100):
        require(isinstance(key, str) and re.fullmatch(KEY, key), "receiptKeys")
    names = []
    for item in items(value, "appliances", 1_000):
        names.append(text(item, "appliance", 200, APPLIANCE))
        if integer(item, "count", 0, SEQUENCE_MAX) == 0:
            require(all(item.get(key) is None for key in ("first", "last", "head")), "count")
        else:
            first = integer(item, "first", 0, SEQUENCE_MAX)
            integer(item, "last", first, SEQUENCE_MAX)
            text(item, "head", 200, DIGEST)
        for key in items(item, "keys", 100):
            text(key, "id", 200, KEY)
            instant(key, "validFrom")
            optional(key, "validUntil", instant)
    require(names == sorted(set(names)), "appliances")
    files = need(value, "files")
    require(isinstance(files, dict) and len(files) <= ENTRIES_MAX, "files")
    for item in files.values():
        text(item, "sha256", 200, DIGEST)
        integer(item, "size", 0, ENTRY_BYTES_MAX)


# --- ZIP ------------------------------------------------------------------------------------------------------------


class Zip:
    """Reads the one form of ZIP that a kit has (docs/formats/kit.md); anything else is refused."""

    def __init__(self, path):
        try:
            self.file = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
            status = os.fstat(self.file.fileno())
        except OSError as error:
            raise Refusal("kit.unreadable", error.strerror) from None
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("kit.unreadable", "not a regular file")
        self.entries = {}
        self.directory(status.st_size)

    def at(self, offset, count):
        self.file.seek(offset)
        data = self.file.read(count)
        if len(data) != count:
            raise Refusal("kit.unreadable", "too short")
        return data

    def read(self, name):
        return self.at(*self.entries[name])

    def directory(self, size):
        malformed = Refusal("kit.zip_malformed", "not a ZIP file as a kit has it")
        if size < 22:
            raise malformed
        if size > BYTES_MAX + 22:
            raise Refusal("kit.too_large", "")
        end = self.at(size - 22, 22)
        count, directory_size, directory_offset = struct.unpack_from("<HII", end, 10)
        if end != struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, count, count, directory_size, directory_offset, 0):
            raise malformed
        if directory_offset + directory_size + 22 != size or directory_size > count * 246:
            raise malformed
        if count > ENTRIES_MAX:
            raise Refusal("kit.too_large", "")
        directory = self.at(directory_offset, directory_size)
        position = offset = 0
        last = b""
        for _ in range(count):
            if position + 46 > len(directory):
                raise malformed
            checksum, _, length, name_length = struct.unpack_from("<IIIH", directory, position + 16)
            name = directory[position + 46:position + 46 + name_length]
            if len(name) != name_length:
                raise malformed
            segments = name.split(b"/")
            if not 1 <= len(name) <= 200 or not all(re.fullmatch(rb"[A-Za-z0-9._-]+", part) and part.strip(b".") for part in segments):
                raise Refusal("kit.unsafe_name", "")
            shared = struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, checksum, length, length, name_length, 0)
            central = b"PK\1\2" + bytes([20, 3]) + shared + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, offset) + name
            if directory[position:position + 46 + name_length] != central:
                raise malformed
            if length > ENTRY_BYTES_MAX:
                raise Refusal("kit.too_large", "")
            data_offset = offset + 30 + name_length
            if data_offset + length > directory_offset or self.at(offset, 30 + name_length) != b"PK\3\4" + shared + name:
                raise malformed
            if position > 0 and name <= last:
                raise Refusal("kit.duplicate_entry", "") if name == last else malformed
            self.entries[name.decode()] = (data_offset, length)
            last = name
            position += 46 + name_length
            offset = data_offset + length
        if position != len(directory) or offset != directory_offset:
            raise malformed


# --- Verification ---------------------------------------------------------------------------------------------------

SMALL_ORDER = {
    # Every y, also as y + p, of a point of which eight times is the neutral element: under such a key anybody can sign anything.
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
}
PEM_PREFIX = bytes.fromhex("302a300506032b6570032100")


def key_id(raw):
    return "key_" + hashlib.sha256(raw).hexdigest()[:16]


def pem(raw):
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(PEM_PREFIX + raw).decode()}\n-----END PUBLIC KEY-----\n".encode()


def raw_key(data):
    """The 32 bytes of a PEM public key in exactly the form that `pem` writes, or None; no point of small order."""
    lines = data.split(b"\n")
    decoded = decode_base64(lines[1]) if len(lines) == 4 else None
    if decoded is None or len(decoded) != 44 or pem(decoded[12:]) != data:
        return None
    raw = decoded[12:]
    return None if raw[:31] + bytes([raw[31] & 0x7F]) in SMALL_ORDER else raw


def decode_base64(data):
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if base64.b64encode(decoded) == data else None


def is_signed(raw, signature, data):
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, data)
        return True
    except (InvalidSignature, ValueError):
        return False


class Kit:
    def __init__(self, path, pinned_id, pinned_key):
        self.findings = []
        self.omitted = 0
        self.signed = True
        self.stranger = False
        self.zip = Zip(path)
        if "manifest.json" not in self.zip.entries:
            raise Refusal("kit.no_manifest", "no manifest.json")
        data = self.zip.read("manifest.json")
        try:
            self.manifest = parse_json(data, ENTRY_BYTES_MAX, 8)
            manifest_fields(self.manifest)
            require(canonical(self.manifest).encode() == data, "not canonical")
        except Malformed as error:
            raise Refusal("kit.manifest_malformed", str(error)) from None
        self.load_keys()
        signer = self.manifest["key"]
        raw = self.keys.get(signer)
        if pinned_id not in (None, signer) or pinned_key not in (None, raw):
            self.stranger = True
            self.find("kit.untrusted_key", "manifest.json")
        signature = self.zip.read("manifest.sig") if self.zip.entries.get("manifest.sig", (0, 0))[1] == 64 else b""
        if raw is None or not is_signed(raw, signature, data):
            self.signed = False
            self.find("kit.bad_signature", "manifest.json")

    def find(self, code, subject):
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append((code, subject))
        else:
            self.omitted += 1

    def load_keys(self):
        self.keys = {}
        needed = {self.manifest["key"], *self.manifest["receiptKeys"]}
        needed.update(key["id"] for item in self.manifest["appliances"] for key in item["keys"])
        for name in sorted(needed):
            path = f"keys/{name}.pub"
            raw = raw_key(self.zip.read(path)) if path in self.zip.entries else None
            if raw is not None and key_id(raw) == name:
                self.keys[name] = raw
            else:
                self.find("kit.key_missing", path)

    def verify(self):
        for name in sorted(set(self.manifest["files"]) - set(self.zip.entries)):
            self.find("kit.file_missing", name)
        known = {item["appliance"] for item in self.manifest["appliances"]}
        chunks = {name: [] for name in known}
        receipts = {name: [] for name in known}
        for name in self.zip.entries:
            if name in ("manifest.json", "manifest.sig"):
                continue
            self.compare(name)
            if match := re.fullmatch(r"bundles/([^/]+)/([0-9]{12})\.(jsonl|sig)", name):
                if match[1] in known:
                    if match[3] == "jsonl":
                        chunks[match[1]].append((int(match[2]), name))
                    continue
            if match := re.fullmatch(r"receipts/([^/]+)/([0-9]{12})\.json", name):
                if match[1] in known:
                    receipts[match[1]].append((int(match[2]), name))
                    continue
            if not re.fullmatch(rf"README\.txt|keys/{KEY}\.pub", name):
                self.find("kit.unknown_entry", name)
        self.verified = {}
        for item in self.manifest["appliances"]:
            self.chain(item, chunks[item["appliance"]], receipts[item["appliance"]])

    def compare(self, name):
        listed = self.manifest["files"].get(name)
        if listed is None:
            return self.find("kit.unlisted", name)
        data = self.zip.read(name)
        if len(data) != listed["size"] or hashlib.sha256(data).hexdigest() != listed["sha256"]:
            self.find("kit.file_changed", name)

    def bundles(self, chunks):
        """Sequence, bytes and signature of each bundle, one chunk at a time in memory."""
        for first, name in chunks:
            data = self.zip.read(name)
            path = name[:-len("jsonl")] + "sig"
            signatures = self.zip.read(path) if path in self.zip.entries else b""
            count = data.count(b"\n")
            if not data.endswith(b"\n") or count > CHUNK_BUNDLES_MAX or len(signatures) != 64 * count:
                self.find("kit.chunk_malformed", name)
                continue
            for index, line in enumerate(data[:-1].split(b"\n")):
                yield first + index, line, signatures[64 * index:64 * index + 64]

    def chain(self, item, chunks, receipts):
        appliance = item["appliance"]
        heads = {}
        for sequence, name in receipts:
            self.receipt(item, sequence, name, heads)
        # An appliance that sent nothing is followed as an empty chain, should there be something after all.
        first, last = (item["first"], item["last"]) if item["count"] else (0, -1)
        expected, head = first, "0" * 64 if first == 0 else None
        self.verified[appliance] = count = 0
        for sequence, data, signature in self.bundles(chunks):
            name = f"bundles/{appliance}/{sequence:012}"
            count += 1
            record = self.bundle(item, name, data, signature)
            if record is not None and record["sequence"] != sequence:
                self.find("kit.misplaced", name)
                record = None
            if record is None:
                if sequence > expected:
                    self.find("chain.gap", name)
                if sequence >= expected:
                    expected, head = sequence + 1, None
                continue
            faults = []
            if record["site"] != self.manifest["site"]:
                faults.append("chain.wrong_site")
            elif record["appliance"] != appliance:
                faults.append("chain.wrong_appliance")
            elif sequence < expected:
                known = sequence == expected - 1 and head is not None
                faults.append("chain.reordered" if not known else "chain.duplicate" if head == record["digest"] else "chain.fork")
            else:
                if sequence > expected:
                    faults.append("chain.gap")
                elif head not in (None, record["previous"]):
                    faults.append("chain.wrong_previous")
                expected, head = sequence + 1, record["digest"]
            for code in faults:
                self.find(code, name)
            self.verified[appliance] += not faults
            if any(digest != record["digest"] for digest in heads.get(sequence, ())):
                self.find("receipt.wrong_head", name)
        if expected <= last:
            self.find("chain.gap", appliance)
        elif item["count"] and expected == last + 1 and head not in (None, item["head"]):
            self.find("kit.wrong_head", appliance)
        if count != item["count"] or expected > last + 1:
            self.find("kit.wrong_count", appliance)

    def bundle(self, item, name, data, signature):
        keys = [key for key in item["keys"] if key["id"] in self.keys]
        if len(data) > BUNDLE_BYTES_MAX:
            return self.find("bundle.too_large", name)
        if not keys:
            return self.find("bundle.unknown_key", name)
        key = next((key for key in keys if is_signed(self.keys[key["id"]], signature, data)), None)
        if key is None:
            return self.find("bundle.bad_signature", name)
        try:
            value = parse_json(data, BUNDLE_BYTES_MAX, 8)
        except Malformed:
            return self.find("bundle.not_json", name)
        if canonical(value).encode() != data:
            return self.find("bundle.not_canonical", name)
        if not isinstance(value, dict) or value.get("schema") != "martlet.evidence/v1":
            return self.find("bundle.wrong_schema", name)
        try:
            record = bundle_fields(value)
        except Malformed:
            return self.find("bundle.field", name)
        valid_from, valid_until = instant(key, "validFrom"), optional(key, "validUntil", instant)
        if record["ended"] < valid_from - SKEW or valid_until is not None and record["ended"] > valid_until + SKEW:
            return self.find("bundle.key_not_valid", name)
        return {**record, "digest": hashlib.sha256(data).hexdigest()}

    def receipt(self, item, sequence, name, heads):
        try:
            envelope = parse_json(self.zip.read(name), RECEIPT_BYTES_MAX, 32)
            require(isinstance(envelope, dict) and set(envelope) <= {"keyId", "payload", "signature"})
            signer = text(envelope, "keyId", 200, KEY)
            payload = decode_base64(text(envelope, "payload", (RECEIPT_BYTES_MAX + 2) // 3 * 4).encode())
            signature = decode_base64(text(envelope, "signature", 88).encode())
            require(payload is not None and len(payload) <= RECEIPT_BYTES_MAX and signature is not None and len(signature) == 64)
            if signer not in self.manifest["receiptKeys"] or signer not in self.keys:
                return self.find("receipt.unknown_key", name)
            if not is_signed(self.keys[signer], signature, payload):
                return self.find("receipt.bad_signature", name)
            value = parse_json(payload, RECEIPT_BYTES_MAX, 32)
            require(canonical(value).encode() == payload and text(value, "schema", 100) == "martlet.receipt/v1")
            first = integer(value, "firstSequence", 0)
            last = integer(value, "lastSequence", first)
            place = (text(value, "site", 200, SITE), text(value, "appliance", 200, APPLIANCE), last)
            head = text(value, "head", 200, DIGEST)
            instant(value, "received")
        except Malformed:
            return self.find("receipt.malformed", name)
        if place != (self.manifest["site"], item["appliance"], sequence):
            return self.find("receipt.misplaced", name)
        if sequence > (item["last"] if item["count"] else -1):
            self.find("receipt.beyond_end", name)
        heads.setdefault(sequence, []).append(head)


def judge(path, pinned_id=None, pinned_key=None):
    try:
        kit = Kit(path, pinned_id, pinned_key)
        kit.verify()
    except Refusal as refusal:
        return {"exit": 2, "findings": [{"code": refusal.args[0], "subject": "kit"}], "trust": "not judged"}
    signer = kit.manifest["key"]
    if not kit.signed:
        trust = "not signed by any key that was found"
    elif kit.stranger:
        trust = f"signed by {signer}, which is not the key you named: nobody you named vouches for it"
    elif pinned_id or pinned_key:
        trust = f"signed by {signer}, the key you named"
    else:
        trust = f"signed by {signer}, which this kit itself supplies: compare it with the key your provider published"
    findings = [{"code": code, "subject": subject} for code, subject in kit.findings]
    silent = [item["appliance"] for item in kit.manifest["appliances"] if not item["count"]]
    return {"exit": 1 if findings else 0, "findings": findings, "findingsOmitted": kit.omitted, "silent": silent, "trust": trust,
            "verified": kit.verified}


def main():
    parser = argparse.ArgumentParser(description="Verify a kit of evidence, offline.")
    parser.add_argument("kit", nargs="?")
    parser.add_argument("--key", metavar="KEYID", help="the key that must have signed it")
    parser.add_argument("--trust", metavar="FILE", help="a file with that public key, PEM")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch", metavar="DIR")
    options = parser.parse_args()
    if options.batch:
        for name in sorted(os.listdir(options.batch)):
            print(json.dumps({"kit": name, **judge(os.path.join(options.batch, name))}))
        return 0
    if not options.kit or options.key and options.trust:
        parser.error("name one kit, and at most one of --key and --trust")
    pinned_key = None
    if options.trust:
        with open(options.trust, "rb") as file:
            pinned_key = raw_key(file.read(1_000))
        if pinned_key is None:
            parser.error("--trust: not an Ed25519 public key in PEM")
    report = judge(options.kit, options.key, pinned_key)
    if options.json:
        print(json.dumps(report))
    else:
        print(f"trust     {report['trust']}")
        for appliance, count in report.get("verified", {}).items():
            print(f"appliance {appliance}: " + ("sent nothing" if appliance in report["silent"] else f"{count} bundles verified"))
        for finding in report["findings"][:100]:
            print(f"finding   {finding['code']}  {finding['subject']}")
        count = len(report["findings"]) + report.get("findingsOmitted", 0)
        if count > 100:
            print(f"          and {count - 100} more")
        found = "1 finding" if count == 1 else f"{count} findings"
        print("result    " + ("everything verified", found, "not a kit that can be judged")[report["exit"]])
    return report["exit"]


if __name__ == "__main__":
    sys.exit(main())
