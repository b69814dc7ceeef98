#!/usr/bin/env python3
"""Verifies a kit of evidence offline, sharing no code with `martlet verify`: same codes of findings, same exit codes.

  verify_kit.py [--key KEYID | --trust FILE] [--log VKEY] [--witness VKEY]... [--quorum N] [--appliance ID=KEYID]...
                [--earlier KIT] [--sample N --nonce TEXT] [--json] KIT
  verify_kit.py --batch DIR        one JSON line for each kit in DIR, for tests

Exit code: 0 everything verified, 1 findings, 2 not a kit that can be judged. Needs Python 3.9 and `cryptography`.
The format is described in docs/formats/kit.md, a bundle in docs/formats/evidence.md, the log in docs/formats/log.md, what is computed
from them in docs/formats/coverage.md.
"""
import argparse
import base64
import binascii
import hashlib
import heapq
import hmac
import json
import math
import os
import re
import stat
import struct
import sys
import zlib
from datetime import date, timedelta

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
SKEW = 300_000
MERGE_DELAY = 10_000
STATEMENT_BYTES_MAX = 131_072
RECEIPT_RUNS_MAX = 500
SECONDS_MAX = 31_622_400


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
PRINTABLE = "[ -~]+"
# Neither controls nor what turns the direction of writing or ends a line: such a text could forge lines of a report.
PLAIN = "[^\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*"


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


def milliseconds(found):
    """Since 1970, of an instant's one text."""
    require(isinstance(found, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", found))
    year, month, day, hour, minute, second, rest = map(int, re.findall("[0-9]+", found))
    require(hour < 24 and minute < 60 and second < 60)
    # Python has no year 0; it is a leap year like 2000, and 400 years are 146,097 days.
    try:
        days = date(year or 2000, month, day).toordinal() - date(1970, 1, 1).toordinal() - (0 if year else 5 * 146_097)
    except ValueError:
        raise Malformed("an instant") from None
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + rest


def written(instant):
    moment = date(1970, 1, 1) + timedelta(days=instant // 86_400_000)
    minutes, rest = divmod(instant % 86_400_000, 60_000)
    return f"{moment.isoformat()}T{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}Z"


def instant(value, key):
    return milliseconds(text(value, key, 24))


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
        milliseconds(content)
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


CHECKPOINT = re.compile(
    "([!-*,-~]{1,200})\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n\n(?:\u2014 \\1 [A-Za-z0-9+/]{91}=\n){1,2}")


def is_checkpoint(found):
    """Origin, size and root, and below them one or two signatures by a key of the origin's name."""
    match = CHECKPOINT.fullmatch(found) if isinstance(found, str) and len(found.encode()) <= 2_048 else None
    return match is not None and int(match[2]) <= INTEGER_MAX and decode_base64(match[3].encode()) is not None and all(
        decode_base64(line.rpartition(" ")[2].encode()) is not None for line in found.split("\n")[4:-1])


def plan_fields(value):
    """What a plan was made of, or for which platforms none was."""
    parameters, platforms = need(value, "parameters"), items(value, "platforms", 32)
    require(isinstance(parameters, dict) and len(parameters) <= 64, "parameters")
    for name, content in parameters.items():
        require(re.fullmatch(NAME, name), "parameters")
        typed_value(content)
    require(all(isinstance(name, str) and re.fullmatch(NAME, name) for name in platforms), "platforms")
    require(platforms == sorted(set(platforms)), "platforms")
    optional(value, "baseline", text, 100, NAME)
    rule = optional(value, "rule", text, 200, NAME)
    version = optional(value, "ruleVersion", integer, 1, 1_000_000_000)
    digest = optional(value, "runbookDigest", text, 64, DIGEST)
    require((version is None or rule is not None) and (digest is not None or not parameters), "plan")


def choice_fields(value):
    text(value, "runbook", 200, NAME)
    require(all(isinstance(name, str) and len(name.encode()) <= 100 for name in items(value, "parameters", 64)), "parameters")
    integer(value, "confidencePercent", 0, 100)
    flag(value, "needsApproval")
    text(value, "reason", 1_000)


def exchange_fields(value):
    """What passed between the site and a language model."""
    require(text(value, "schema", 100) == "martlet.planner-exchange/v1", "schema")
    instant(value, "started")
    integer(value, "latencyMilliseconds", 0)
    integer(value, "costMicrodollars", 0)
    flag(value, "fromCache")
    for key, most in (("prompt", 8_192), ("provider", 100), ("model", 200), ("answeredModel", 200), ("answer", 8_192)):
        optional(value, key, text, most)
    for key in ("pattern", "answerDigest"):
        optional(value, key, text, 64, DIGEST)
    for key in ("inputTokens", "outputTokens"):
        optional(value, key, integer, 0)
    for key in ("choice", "unsure"):
        if value.get(key) is not None:
            choice_fields(value[key])
    outcome = text(value, "outcome", 200, NAME)
    require((outcome == "planner.choice") == (value.get("choice") is not None), "outcome")
    return text(value, "incident", 200, INCIDENT)


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
            text(item, "control", 200, PRINTABLE)
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
    shown = items(value, "checkpoints", 2) if value.get("checkpoints") is not None else []
    require(all(map(is_checkpoint, shown)), "checkpoints")
    checks = [item["check"] for item in expected]
    require(checks == sorted(set(checks)) and (not checks or value["kind"] == "expectation"), "expected")
    if value.get("plan") is not None:
        plan_fields(value["plan"])
        require(value["kind"] in ("healing", "decision"), "plan")
        require((value["plan"].get("runbookDigest") is None) == (value.get("runbook") is None), "plan")
    if value.get("exchange") is not None:
        require(exchange_fields(value["exchange"]) == value.get("incident"), "exchange")
    shadow = items(value, "shadow", 16) if value.get("shadow") is not None else []
    for item in shadow:
        text(item, "pattern", 100, "ptrn_" + DIGEST)
        integer(item, "version", 1, 1_000_000_000)
        text(item, "rule", 200, NAME)
    rules = [item["rule"] for item in shadow]
    require(rules == sorted(set(rules)) and (not rules or value.get("incident") is not None), "shadow")
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
    observed, started, ended = (instant(value, key) for key in ("observed", "started", "ended"))
    clock = need(value, "clock")
    offset = optional(clock, "offsetMs", integer)
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
    seen = value.get("verdict")
    cited = {(framework, item["control"]) for framework in controls for item in controls[framework]} if check else ()
    return {
        "site": site, "appliance": appliance, "sequence": sequence, "previous": previous, "kind": value["kind"], "host": host, "check": check,
        "verdict": seen and {"word": seen["word"], "code": seen.get("code")}, "clock": {"offsetMs": offset}, "outcome": outcome,
        "attested": [
            {**item, "verdict": {"word": item["verdict"]["word"], "code": item["verdict"].get("code")}} for item in value["attested"]],
        "expected": expected, "observed": observed, "started": started, "ended": ended, "cited": cited, "shown": shown}


def manifest_fields(value):
    require(isinstance(value, dict) and text(value, "schema", 100) == "martlet.kit/v1", "schema")
    text(value, "site", 200, SITE)
    text(need(value, "organization"), "id", 200, ORGANIZATION)
    text(value["organization"], "name", 400, PLAIN)
    first, until, horizon = (instant(need(value, "period"), key) for key in ("from", "until", "horizon"))
    day = 24 * HOUR
    require(0 <= first < until <= first + 366 * day and first % day == until % day == 0 and first <= horizon, "period")
    question = {"site": value["site"], "from": first, "until": until, "horizon": horizon, "controls": {}}
    for item in items(value, "controls", 10_000):
        found = text(item, "framework", 200, PRINTABLE), text(item, "control", 200, PRINTABLE)
        for check in items(item, "checks", 4_096):
            require(isinstance(check, str) and re.fullmatch(NAME, check), "checks")
            question["controls"].setdefault(check, set()).add(found)
    require(controls(question) == value["controls"], "controls")
    question["log"] = note_key(text(need(value, "log"), "key", 1_000), 1)
    text(value, "key", 200, KEY)
    for key in items(value, "receiptKeys", 100):
        require(isinstance(key, str) and re.fullmatch(KEY, key), "receiptKeys")
    names, ends = [], {}
    for item in items(value, "appliances", 1_000):
        ends[text(item, "appliance", 200, APPLIANCE)] = item
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
    question["prior"] = []
    for item in items(value, "prior", 1_000_000):
        entry = {
            "appliance": text(item, "appliance", 200, APPLIANCE), "sequence": integer(item, "sequence", 0), "host": text(item, "host", 200, NAME),
            "effective": instant(item, "effective"), "expected": []}
        for expected in items(item, "expected", 1_024):
            entry["expected"].append({
                "check": text(expected, "check", 200, NAME), "intervalSeconds": integer(expected, "intervalSeconds", 1, SECONDS_MAX),
                "staleAfterSeconds": integer(expected, "staleAfterSeconds", 1, SECONDS_MAX)})
        entry["expected"] = each_once(entry["expected"])
        require(0 <= entry["effective"] <= LATEST and entry["appliance"] in ends, "prior")
        require(not ends[entry["appliance"]]["count"] or entry["sequence"] < ends[entry["appliance"]]["first"], "prior")
        question["prior"].append(entry)
    order = [(entry["effective"], entry["appliance"], entry["sequence"]) for entry in question["prior"]]
    require(order == sorted(set(order)), "prior")
    files = need(value, "files")
    require(isinstance(files, dict) and len(files) <= ENTRIES_MAX, "files")
    for item in files.values():
        text(item, "sha256", 200, DIGEST)
        integer(item, "size", 0, ENTRY_BYTES_MAX)
    return question


# --- What was seen: docs/formats/coverage.md ----------------------------------------------------------------------

HOUR = 3_600_000
LATEST = 253_402_300_799_999
GRACE_MAX = 168
PAIRS_MAX = 50_000
DAY = 24 * HOUR
# How long before its bundle's end a look may have been made if the check was spoken of since.
LISTED_MAX = 2 * HOUR
# A gap's first and last minutes are not sure: its appliance leaves a sign of life every five.
BLIND_EDGE = 900_000


class TooManyChecks(Exception):
    """Bundles name more (host, check) than anybody watches."""


def by_units(text):
    return text.encode("utf-16-be")


def limited(milliseconds, enrolled=0):
    return min(max(milliseconds, enrolled, 0), LATEST)


# --- The rules of a check ---------------------------------------------------------------------------------------------


def rules(item):
    """Length of a slot and grace, in hours; reach, in seconds."""
    interval = min(max(item["intervalSeconds"], 1), 31_622_400)
    stale = min(max(item["staleAfterSeconds"], 1), 31_622_400)
    length = -(-max(interval, 3600) // 3600)
    return length, min(168, max(0, (stale - 3600 * length) // 3600)), max(stale, 7200 * length)


def each_once(expected):
    first = {}
    for item in expected:
        first.setdefault(item["check"], item)
    return [first[check] for check in sorted(first)]


# --- Which dates count ------------------------------------------------------------------------------------------------


class Trust:
    def __init__(self):
        self.newest = self.confirmed = self.floor = None
        self.enrolled = 0

    def judge(self, bundle):
        """Sets what the bundle's dates are worth: counts, withdraw (None, "all" or an instant), latest, own, before."""
        self.enrolled, self.before = bundle["enrolled"], self.newest
        offset = bundle["clock"]["offsetMs"]
        wrong = offset is not None and abs(offset) > 900_000
        off = offset if wrong else 0
        ended, received = bundle["ended"], bundle["received"]
        self.counts, self.withdraw, self.latest = False, None, None
        self.own = limited(min(received, bundle["observed"] - off), self.enrolled)
        if ended > received + 300_000:
            return
        went_back = self.newest is not None and ended < self.newest - 900_000
        if wrong:
            self.withdraw = "all" if self.confirmed is None else self.confirmed
            self.newest = self.confirmed
            self.floor = self.latest = limited(ended - off, self.enrolled)
            return
        if offset is not None:
            self.latest = limited(ended, self.enrolled)
            if went_back:
                self.withdraw = self.newest = self.confirmed = ended
                self.floor = self.latest
        elif went_back:
            return
        self.counts = True
        self.newest = ended if self.newest is None else max(self.newest, ended)
        if offset is not None:
            self.confirmed = ended if self.confirmed is None else max(self.confirmed, ended)

    def believes(self, at, bundle):
        return self.enrolled <= at <= bundle["ended"] and (self.floor is None or at >= self.floor)


def looks(bundle):
    """(host, check, instant, verdict word, code) of everything the bundle speaks of."""
    kind, host, verdict = bundle["kind"], bundle["host"], bundle["verdict"]
    if kind == "verdict" and bundle["check"] and verdict:
        yield host, bundle["check"], bundle["observed"], verdict["word"], verdict["code"]
    elif kind == "attestation":
        for item in bundle["attested"]:
            yield host, item["check"], milliseconds(item["observed"]), item["verdict"]["word"], item["verdict"]["code"]
    elif kind == "healing":
        recheck = bundle["outcome"]["recheck"]
        if bundle["outcome"]["word"] == "success":
            yield recheck["host"], recheck["check"], milliseconds(recheck["started"]), "compliant", None
        elif bundle["check"] and verdict:
            yield host, bundle["check"], bundle["ended"], verdict["word"], verdict["code"]


# --- Reading ----------------------------------------------------------------------------------------------------------


class Reading:
    """One pass over the bundles, appliance after appliance: hours observed, reasons and gaps by hour, the ledger's entries."""

    def __init__(self, question):
        self.observed, self.reasons, self.gaps, self.read = {}, {}, {}, []
        self.first, self.end = question["from"] // HOUR, question["until"] // HOUR
        self.entries = list(question["prior"])
        self.places = set()
        self.prior = sorted(question["prior"], key=lambda entry: (entry["effective"], entry["sequence"]))
        self.received = {}
        self.appliance, self.trust, self.own, self.own_entries = None, None, {}, []

    def place(self, pair):
        self.places.add(pair)
        if len(self.places) > PAIRS_MAX:
            raise TooManyChecks
        return pair

    def add(self, bundle):
        appliance = bundle["appliance"]
        if appliance != self.appliance:
            self.end_appliance()
            self.appliance, self.trust = appliance, Trust()
            # When each (host, check) was last spoken of; hours that the appliance said it was blind in; what it expects of its hosts.
            self.spoken, self.blind, self.told = {}, {}, None
            self.expected = {entry["host"]: entry["expected"] for entry in self.prior if entry["appliance"] == appliance}
            self.read.append({"appliance": appliance, "first": bundle["sequence"]})
        self.read[-1]["last"] = bundle["sequence"]
        trust, own, own_entries = self.trust, self.own, self.own_entries
        trust.judge(bundle)
        self.received[appliance] = max(bundle["received"], self.received.get(appliance, 0))
        if trust.withdraw is not None:
            for hours in (own, self.blind):
                for key in hours:
                    hours[key] = set() if trust.withdraw == "all" else {h for h in hours[key] if h <= trust.withdraw // HOUR}
        if trust.latest is not None:
            latest = trust.latest if self.told is None else max(trust.latest, self.told)
            for entry in own_entries:
                entry["effective"] = min(entry["effective"], latest)
        for host, check, at, word, code in looks(bundle):
            spoken = self.spoken.get((host, check))
            if trust.counts:
                self.spoken[self.place((host, check))] = bundle["ended"]
            if word != "unknown" and trust.counts:
                if not trust.believes(at, bundle) or not self.first <= at // HOUR < self.end + GRACE_MAX:
                    continue
                if spoken is not None and at < min(spoken, bundle["ended"] - LISTED_MAX):
                    continue
                if any(at // HOUR in self.blind.get((host, name), ()) for name in (check, None)):
                    continue
                own.setdefault((host, check), set()).add(at // HOUR)
            elif self.first <= trust.own // HOUR < self.end:
                reason = code if word == "unknown" else "gap.clock"
                self.reasons.setdefault(self.place((host, check)), {}).setdefault(trust.own // HOUR, reason)
        if bundle["kind"] == "expectation":
            expected = each_once(bundle["expected"])
            if asks_for_less(expected, self.expected.get(bundle["host"], [])):
                told = bundle["received"] - HOUR
                self.told = told if self.told is None else max(told, self.told)
            self.expected[bundle["host"]] = expected
            known = [trust.own, trust.newest, self.told] + [entry["effective"] for entry in own_entries[-1:]]
            own_entries.append({
                "appliance": appliance, "sequence": bundle["sequence"], "host": bundle["host"],
                "effective": max(x for x in known if x is not None), "expected": expected})
        if bundle["kind"] == "gap" and bundle["started"] < bundle["ended"]:
            hours = range(max(bundle["started"] // HOUR, self.first), min(-(-bundle["ended"] // HOUR), self.end))
            if hours:
                pair = (bundle["host"], bundle["check"])
                place = self.gaps.setdefault(self.place(pair) if pair[1] else pair, {})
                for hour in hours:
                    place.setdefault(hour, bundle["outcome"]["code"])
                if trust.counts:
                    first, end = -(-(bundle["started"] + BLIND_EDGE) // HOUR), (bundle["ended"] - BLIND_EDGE) // HOUR
                    self.blind.setdefault(pair, set()).update(range(max(first, self.first), min(end, self.end)))

    def end_appliance(self):
        for key, hours in self.own.items():
            self.observed.setdefault(key, set()).update(hours)
        self.entries += self.own_entries
        self.own, self.own_entries = {}, []

    def finish(self):
        self.end_appliance()
        self.entries.sort(key=lambda entry: (entry["effective"], entry["appliance"], entry["sequence"]))
        return self


def asks_for_less(expected, before):
    now = {item["check"]: rules(item) for item in expected}
    return any(
        item["check"] not in now or now[item["check"]][0] > rules(item)[0] or now[item["check"]][1] > rules(item)[1] for item in before)


def segments(entries, horizon):
    """Segments of each (host, check): from, until, length, grace, watcher; and who took which host over from whom."""
    found, watching, takeovers = {}, {}, []

    def close(host, check, at, lasts):
        _, begun, (length, grace), watcher = watching[host][1][check]
        if begun < at:
            found.setdefault((host, check), []).append((begun, lasts, length, grace, watcher))

    for entry in entries:
        host, at = entry["host"], entry["effective"]
        watcher, open_checks = watching.get(host, (entry["appliance"], {}))
        if not entry["expected"] and watcher != entry["appliance"]:
            continue
        # Who takes a host over shortens nothing that day: what the other one had to look at stands until it ends.
        lasts = at if watcher == entry["appliance"] else -(-at // DAY) * DAY
        if watcher != entry["appliance"] and open_checks:
            takeovers.append({"appliance": entry["appliance"], "at": at, "before": watcher, "host": host})
        fresh = {}
        for item in entry["expected"]:
            rule = rules(item)[:2]
            before = open_checks.get(item["check"])
            same = before is not None and before[2] == rule and before[3] == entry["appliance"]
            fresh[item["check"]] = before if same else (item["check"], at, rule, entry["appliance"])
        for check in open_checks:
            if fresh.get(check) is not open_checks[check]:
                close(host, check, at, lasts)
        watching[host] = (entry["appliance"], fresh)
    for host, (_, open_checks) in watching.items():
        for check in open_checks:
            close(host, check, horizon, horizon)
    return found, takeovers


def required_slots(found, question):
    """Of one (host, check), by begin and length: [begin, length, grace, watcher], in hours."""
    slots, place = {}, 0
    while place < len(found):
        # Those that go on without an hour's break are one watch.
        end = place + 1
        begun, ended = found[place][:2]
        while end < len(found) and found[end][0] - ended < HOUR:
            ended = max(ended, found[end][1])
            end += 1
        for low, high, length, grace, watcher in found[place:end]:
            span = length * HOUR
            number = max(low // span, -(-max(begun, question["from"]) // span))
            while number * span < high and (number + 1) * span <= min(ended, question["until"]):
                known = slots.get((number * length, length))
                whole = low <= number * span and (number + 1) * span <= high
                if known is None:
                    slots[number * length, length] = [grace, watcher, whole]
                else:
                    known[0], known[2] = min(grace, known[0]), known[2] or whole
                number += 1
        place = end
    for (first, length), (grace, watcher, whole) in sorted(slots.items()):
        grace = grace if whole else max(1, grace)
        if first + length + grace <= question["horizon"] // HOUR:
            yield first, length, grace, watcher


# --- Judging ----------------------------------------------------------------------------------------------------------


class Coverage:
    def __init__(self, question, reading):
        self.days, self.gaps, self.slots = {}, [], {}
        self.question, self.reading = question, reading
        self.statements = [s for s in question["statements"] if s["site"] == question["site"]]
        found, takeovers = segments(reading.entries, question["horizon"])
        self.takeovers = [
            one for one in takeovers
            if question["from"] <= one["at"] < question["until"] and reading.received.get(one["before"], 0) > one["at"] + HOUR]
        for pair in sorted(found):
            for first, length, grace, watcher in required_slots(found[pair], question):
                self.judge(pair, first, length, grace, watcher)

    def judge(self, pair, first, length, grace, watcher):
        number, end = first // length, first + length
        observed = self.reading.observed.get(pair, ())
        day = self.days.setdefault(pair, {}).setdefault(first // 24, figures())
        day["required"] += 1
        if any(hour in observed for hour in range(first, end)):
            day["made"] += 1
        elif any(hour in observed for hour in range(end, end + grace)):
            day["late"] += 1
        elif self.is_excepted(pair, first * HOUR, end * HOUR):
            day["excepted"] += 1
        else:
            cause = self.cause(pair, first, end, watcher)
            day["missing"][cause] = day["missing"].get(cause, 0) + 1
            self.miss(pair, first * HOUR, end * HOUR, cause)
        runs = self.slots.setdefault((pair, length), [])
        if runs and sum(runs[-1]) == number:
            runs[-1][1] += 1
        else:
            runs.append([number, 1])

    def miss(self, pair, begun, ended, cause):
        last = self.gaps[-1] if self.gaps else None
        if last and (last["host"], last["check"]) == pair and last["until"] == begun and last["cause"] == cause:
            last["until"] = ended
            last["slots"] += 1
        else:
            self.gaps.append({"host": pair[0], "check": pair[1], "from": begun, "until": ended, "cause": cause, "slots": 1})

    def is_excepted(self, pair, begun, ended):
        exceptions = [s for s in self.statements if s["schema"] == "martlet.exception/v1"]
        for place, s in enumerate(exceptions):
            later = [other["issued"] for other in exceptions[place + 1:] if other["id"] == s["id"]]
            if speaks(s, pair) and max(s["from"], s["issued"]) <= begun and min([s["until"]] + later[:1]) >= ended:
                return True
        return False

    def cause(self, pair, first, end, watcher):
        reading = self.reading
        for layer in (reading.gaps.get(pair, {}), reading.gaps.get((pair[0], None), {}), reading.reasons.get(pair, {})):
            for hour in range(end - 1, first - 1, -1):
                if hour in layer:
                    return layer[hour]
        said = [s for s in self.statements if s["schema"] == "martlet.gap/v1" and speaks(s, pair) and s["appliance"] in (None, watcher)]
        for hour in range(end - 1, first - 1, -1):
            for s in said:
                if s["from"] < (hour + 1) * HOUR and s["until"] > hour * HOUR:
                    return s["code"]
        return "gap.unknown"


def speaks(statement, pair):
    return statement["host"] in (None, pair[0]) and statement["check"] in (None, pair[1])


def figures():
    return {"required": 0, "made": 0, "late": 0, "excepted": 0, "missing": {}}


def add(total, more):
    for name in ("required", "made", "late", "excepted"):
        total[name] += more[name]
    for cause, count in more["missing"].items():
        total["missing"][cause] = total["missing"].get(cause, 0) + count


def frame(question, schema, **members):
    edges = {name: written(question[name]) for name in ("from", "until", "horizon")}
    return {"schema": schema, "site": question["site"], **edges, **members}


def controls(question):
    checks = {}
    for check, cited in question["controls"].items():
        for framework, control in cited:
            checks.setdefault((framework, control), set()).add(check)
    keys = sorted(checks, key=lambda key: (by_units(key[0]), by_units(key[1])))
    return [{"framework": f, "control": c, "checks": sorted(checks[f, c])} for f, c in keys]


def coverage_json(question, coverage):
    pairs = []
    for (host, check), days in coverage.days.items():
        runs = []
        for day in sorted(days):
            if runs and runs[-1][0] + runs[-1][1] == day and runs[-1][2] == days[day]:
                runs[-1][1] += 1
            else:
                runs.append([day, 1, days[day]])
        pairs.append({
            "host": host, "check": check,
            "days": [{"day": written(day * 24 * HOUR)[:10], "count": count, **numbers} for day, count, numbers in runs]})
    return frame(question, "martlet.coverage/v1", pairs=pairs)


def continuity_json(question, coverage):
    total, by_check = figures(), {}
    for (_, check), days in coverage.days.items():
        for numbers in days.values():
            add(total, numbers)
            add(by_check.setdefault(check, figures()), numbers)
    listed = []
    for control in controls(question):
        numbers = figures()
        for check in control["checks"]:
            add(numbers, by_check.get(check, figures()))
        listed.append({**control, **numbers})
    exceptions = [
        s["json"] for s in coverage.statements
        if s["schema"] == "martlet.exception/v1" and s["from"] < question["until"] and s["until"] > question["from"]]
    gaps = [{**gap, "from": written(gap["from"]), "until": written(gap["until"])} for gap in coverage.gaps]
    more = {"takeovers": takeovers(coverage)} if coverage.takeovers else {}
    if question.get("gone"):
        more["pruned"] = question["gone"]
    off = switched_off(question)
    if off:
        more["switchedOff"] = off
    return frame(question, "martlet.continuity/v1", total=total, controls=listed, exceptions=exceptions, gaps=gaps, **more)


def switched_off(question):
    """What was off in the period, each from its statement to the next one about the same."""
    spans, said = [], question.get("enablement", [])
    for place, one in enumerate(said):
        ends = [other["issued"] for other in said[place + 1:] if other["subject"] == one["subject"]]
        if one["enabled"] or one["site"] != question["site"] or milliseconds(one["issued"]) >= question["until"]:
            continue
        if not ends or milliseconds(ends[0]) > question["from"]:
            spans.append({**one["json"], "until": ends[0] if ends else None})
    return spans


def takeovers(coverage):
    return [{**one, "at": written(one["at"])} for one in coverage.takeovers]


def population_json(question, reading, coverage):
    slots = [
        {"host": pair[0], "check": pair[1], "hours": length, "runs": coverage.slots[pair, length]}
        for pair, length in sorted(coverage.slots)]
    return frame(question, "martlet.population/v1", bundles=reading.read, controls=controls(question), slots=slots)


def ledger_json(question, reading):
    entries = [{**entry, "effective": written(entry["effective"])} for entry in reading.entries]
    return {"schema": "martlet.ledger/v1", "site": question["site"], "entries": entries}


# --- Sample -----------------------------------------------------------------------------------------------------------


def sample(wanted, reading):
    key = wanted["nonce"].encode() + bytes.fromhex(wanted["root"])
    population = [[item["appliance"], n] for item in reading.read for n in range(item["first"], item["last"] + 1)]

    def numbers():
        counter = 0
        while True:
            block = hmac.new(key, b"martlet.sample/v1\0" + counter.to_bytes(8, "big"), hashlib.sha256).digest()
            yield from (int.from_bytes(block[place:place + 8], "big") for place in range(0, 32, 8))
            counter += 1

    stream, drawn = numbers(), []
    for i in range(min(wanted["count"], len(population))):
        n = len(population) - i
        x = next(x for x in stream if x < 2**64 - 2**64 % n)
        j = i + x % n
        population[i], population[j] = population[j], population[i]
        drawn.append(population[i])
    return drawn


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
        return self.at(*self.entries[name][:2])

    def require_checksum(self, name, data):
        """For bytes that are as listed: programs that unpack a ZIP refuse it otherwise."""
        if zlib.crc32(data) != self.entries[name][2]:
            raise Refusal("kit.zip_malformed", "a checksum is not that of its bytes")

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
            self.entries[name.decode()] = (data_offset, length, checksum)
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


FIXED = {
    "README.txt", "continuity.json", "coverage.json", "ledger.json", "population.json", "verify.html", "log/checkpoint", "log/leaves.json",
    "log/nodes.json", "log/seen.json", "log/witnesses.json"}


def leaf(document, key):
    return hashlib.sha256(b"\0" + document + hashlib.sha256(key).digest()).digest()


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
    return None if is_weak(raw) else raw


def is_weak(raw):
    return raw[:31] + bytes([raw[31] & 0x7F]) in SMALL_ORDER


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


def canonical_json(data):
    try:
        value = parse_json(data, ENTRY_BYTES_MAX, 8)
        require(canonical(value).encode() == data)
    except Malformed:
        return None
    return value


def envelope(data, bytes_max, keys):
    """Payload and signer of `data`; the code's end instead where it is not one, or not signed by one of these keys."""
    try:
        value = parse_json(data, bytes_max, 32)
        require(isinstance(value, dict) and set(value) <= {"keyId", "payload", "signature"})
        signer = text(value, "keyId", 200, KEY)
        payload = decode_base64(text(value, "payload", (bytes_max + 2) // 3 * 4).encode())
        signature = decode_base64(text(value, "signature", 88).encode())
        require(payload is not None and len(payload) <= bytes_max and signature is not None and len(signature) == 64)
        if signer not in keys:
            return None, None, "unknown_key"
        if not is_signed(keys[signer], signature, payload):
            return None, None, "bad_signature"
        content = parse_json(payload, bytes_max, 32)
        require(canonical(content).encode() == payload)
        return payload, content, keys[signer]
    except Malformed:
        return None, None, "malformed"


def statement_fields(value):
    """None for a kind that coverage does not read."""
    schema = text(value, "schema", 100)
    require(schema.startswith("martlet."))
    if schema not in ("martlet.gap/v1", "martlet.exception/v1"):
        return None
    found = {"schema": schema, "site": text(value, "site", 200, SITE)}
    for key in ("from", "until", "issued"):
        found[key] = instant(value, key)
    found["host"], found["check"] = (optional(value, key, text, 200, NAME) for key in ("host", "check"))
    if schema == "martlet.gap/v1":
        found["appliance"] = optional(value, "appliance", text, 200, APPLIANCE)
        found["code"] = word(value, "code", {"gap.silent", "gap.revoked", "gap.unknown"})
        text(value, "note", 1_000)
        require(found["from"] < found["until"] <= found["issued"])
        return found
    found["id"] = text(value, "id", 100, NAME)
    people = [text(value, key, 200) for key in ("requestedBy", "approvedBy")]
    require(all(re.fullmatch(PLAIN, one) for one in people) and text(value, "reason", 1_000, PLAIN))
    # By bytes, but for ASCII case and spaces around: more than that, programs of other ages see differently.
    folded = {one.encode().strip(b" ").lower() for one in people}
    require(len(folded) == 2 and b"" not in folded)
    require(found["from"] < found["until"] <= found["from"] + 366 * 24 * HOUR)
    known = ("approvedBy", "from", "id", "issued", "reason", "requestedBy", "schema", "site", "until")
    found["json"] = {**{key: value[key] for key in known}, "host": found["host"], "check": found["check"]}
    return found


def pruned_fields(value):
    """Of martlet.pruned/v1, as continuity.json lists it; None where it is not in its form."""
    try:
        found = {"appliance": text(value, "appliance", 200, APPLIANCE), "firstSequence": integer(value, "firstSequence", 0, SEQUENCE_MAX)}
        found["lastSequence"] = integer(value, "lastSequence", found["firstSequence"], SEQUENCE_MAX)
        for key in ("firstDigest", "lastDigest"):
            found[key] = text(value, key, 200, DIGEST)
        for key in ("receivedFrom", "receivedUntil", "made"):
            instant(value, key)
            found[key] = value[key]
        found["retentionDays"] = optional(value, "retentionDays", integer, 1, 100_000)
    except Malformed:
        return None
    return found


def enablement_fields(value):
    """Of martlet.enablement/v1: a check, rule or runbook was switched off, or on again; None where it is not in its form."""
    try:
        found = {"site": text(value, "site", 200, SITE), "enabled": flag(value, "enabled"), "issued": value.get("issued")}
        instant(value, "issued")
        appliance = optional(value, "appliance", text, 200, APPLIANCE)
        kind, name = word(value, "kind", {"check", "rule", "runbook"}), text(value, "id", 100, NAME)
        require(text(value, "by", 200, PLAIN) and text(value, "reason", 1_000, PLAIN))
        found["subject"] = (found["site"], appliance, kind, name)
        found["json"] = {
            "appliance": appliance, "by": value["by"], "from": value["issued"], "id": name, "kind": kind, "reason": value["reason"]}
    except Malformed:
        return None
    return found


def each_number(found):
    return type(found) is int and 0 <= found


# --- The log: docs/formats/log.md -----------------------------------------------------------------------------------


def note_key(found, kind):
    """(name, hash, raw key) of a verifier key."""
    match = re.fullmatch(r"([!-*,-~]+)\+([0-9a-f]{8})\+([!-~]+)", found) if isinstance(found, str) and len(found) <= 8_192 else None
    data = decode_base64(match[3].encode()) if match else None
    require(data is not None and len(data) == 33 and data[0] == kind and not is_weak(data[1:]), "a verifier key")
    require(hashlib.sha256(match[1].encode() + b"\n" + data).digest()[:4].hex() == match[2], "a verifier key")
    return match[1], match[2], data[1:]


def open_checkpoint(data, log, witnesses):
    """(size, root, [(name, raw key, seconds)] of cosignatures) of a checkpoint signed by the log, whose own key is no witness's."""
    require(len(data) <= 1_000_000 and all(byte >= 0x20 or byte == 10 for byte in data))
    try:
        found = data.decode()
    except ValueError:
        raise Malformed("UTF-8") from None
    require(all(c < "\x80" or c == "\u2014" for c in found))
    split = found.rfind("\n\n")
    require(split >= 0 and split + 2 < len(found) and found.endswith("\n"))
    signed, lines = found[:split + 1], found[split + 2:].split("\n")[:-1]
    require(len(lines) <= 100)
    signatures = []
    for line in lines:
        parts = line.split(" ", 2)
        require(len(line.encode()) <= 8_192 and len(parts) == 3 and parts[0] == "\u2014" and parts[1] and "+" not in parts[1])
        signature = decode_base64(parts[2].encode())
        require(signature is not None and len(signature) >= 5)
        signatures.append((parts[1], signature[:4].hex(), signature[4:]))
    proven, cosigned = set(), []
    for name, number, signature in signatures:
        named = [key for key in [log] + witnesses if key[:2] == (name, number)]
        require(len(named) <= 1)
        if not named or named[0] in proven:
            continue
        message, seconds = signed.encode(), 0
        if named[0] is not log:
            require(len(signature) == 72 and signature[0] < 0x80)
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n".encode() + message
            signature = signature[8:]
        require(is_signed(named[0][2], signature, message))
        proven.add(named[0])
        if named[0][2] != log[2]:
            cosigned.append((named[0][0], named[0][2], seconds))
    require(log in proven)
    lines = signed.split("\n")
    require(len(lines) >= 4 and lines[-1] == "" and all(lines[:-1]) and lines[0] == log[0])
    require(re.fullmatch("0|[1-9][0-9]{0,15}", lines[1]) and int(lines[1]) <= INTEGER_MAX)
    root = decode_base64(lines[2].encode())
    require(root is not None and len(root) == 32 and (int(lines[1]) or root == hashlib.sha256().digest()))
    return int(lines[1]), root, cosigned


def open_leaves(value, appliances, count, size):
    """Runs by appliance, and the statements' indices."""
    require(isinstance(value, dict) and len(value) == 3 and value.get("schema") == "martlet.leaves/v1")
    listed, statements = items(value, "appliances", 1_000), items(value, "statements", ENTRIES_MAX)
    require(len(statements) == count and all(each_number(index) and index < size for index in statements))
    # Which of two statements came later is what the log says, not what the kit's numbers do.
    require(all(one < other for one, other in zip(statements, statements[1:])))
    chains = [item for item in appliances if item["count"]]
    require(len(listed) == len(chains))
    runs, spans = {}, [(index, index + 1) for index in statements]
    for item, chain in zip(listed, chains):
        require(isinstance(item, dict) and len(item) == 2 and item.get("appliance") == chain["appliance"])
        following, runs[chain["appliance"]] = chain["first"], []
        for run in items(item, "runs", INTEGER_MAX):
            require(isinstance(run, list) and len(run) == 3 and all(map(each_number, run)) and run[0] == following)
            require(1 <= run[2] <= chain["last"] - following + 1 and run[1] + run[2] <= size)
            require(not runs[chain["appliance"]] or run[1] >= sum(runs[chain["appliance"]][-1][1:]))
            runs[chain["appliance"]].append(run)
            spans.append((run[1], run[1] + run[2]))
            following += run[2]
        require(following == chain["last"] + 1)
    spans.sort()
    require(all(one[1] <= other[0] for one, other in zip(spans, spans[1:])))
    return runs, statements


def places(runs):
    for sequence, index, count in runs:
        yield from ((sequence + i, index + i) for i in range(count))


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def log_root(size, leaves, nodes, wanted=(), known_of=None):
    """From (index, hash) of leaves and [level, index, hash] of nodes; None where they do not make exactly one root.

    Those of `wanted`, pairs of level and index, that are met on the way are put into `known_of`."""
    if size == 0:
        return hashlib.sha256().digest() if not leaves and not nodes else None
    known, rest, height = sorted(leaves), list(reversed(nodes)), (size - 1).bit_length()
    for level in range(height + 1):
        last, here = (size - 1) >> level, [(index, data, False) for index, data in known]
        given = []
        while rest and rest[-1][0] == level:
            given.append(rest.pop())
        if [node[1] for node in given] != sorted({node[1] for node in given}):
            return None
        here = sorted(here + [(index, bytes.fromhex(data), True) for _, index, data in given], key=lambda node: node[0])
        for index, data, _ in here if wanted else ():
            if (level, index) in wanted:
                known_of[level, index] = data
        known, position = [], 0
        while position < len(here):
            index, data, is_given = here[position]
            position += 1
            if index > last:
                return None
            if index == last and last % 2 == 0:
                if is_given and (last > 0 or leaves):
                    return None
            else:
                if index % 2 or position == len(here) or here[position][0] != index + 1 or is_given and here[position][2]:
                    return None
                data = node_hash(data, here[position][1])
                position += 1
            known.append((index >> 1, data))
        if len({index for index, _ in known}) != len(known):
            return None
    return known[0][1] if len(known) == 1 and not rest else None


def roots_of_first(sizes, size, leaves, nodes):
    """The roots of the tree's first leaves, for those of the sizes for which they follow from what is known."""
    subtrees, known, roots = {}, {}, {}
    for old in sizes:
        begin, subtrees[old] = 0, []
        for level in range(old.bit_length() - 1, -1, -1):
            if old >> level & 1:
                subtrees[old].append((level, begin >> level))
                begin += 1 << level
    log_root(size, leaves, nodes, {place for places in subtrees.values() for place in places} or {None}, known)
    for old, places in subtrees.items():
        if old > size or any(place not in known for place in places):
            continue
        hashes = [known[place] for place in places]
        joined = hashes.pop() if hashes else hashlib.sha256().digest()
        while hashes:
            joined = node_hash(hashes.pop(), joined)
        roots[old] = joined
    return roots


class Times:
    """When bundles were received: of the receipts that cover a number, the earliest. Asked in ascending order."""

    def __init__(self, receipts):
        self.waiting = sorted(receipts, key=lambda receipt: -receipt[0])
        self.open = []

    def at(self, sequence):
        while self.waiting and self.waiting[-1][0] <= sequence:
            first, last, received = self.waiting.pop()
            heapq.heappush(self.open, (received, last))
        while self.open and self.open[0][1] < sequence:
            heapq.heappop(self.open)
        return self.open[0][0] if self.open else None


class Pins:
    """What the reader knows from elsewhere, instead of what the kit says of itself."""

    def __init__(self):
        self.key = self.raw_key = self.log = self.witnesses = self.quorum = self.sample = self.earlier = None
        self.appliances = {}


# They say that it is not what the reader named; what it is can still be computed.
STRANGE = ("kit.untrusted_key", "kit.untrusted_appliance", "kit.appliance_missing", "log.untrusted_key")


class Kit:
    def __init__(self, path, pins):
        self.findings = []
        self.whole = True
        self.pins = pins
        self.newest, self.unreceipted, self.cosigned, self.found = 0, {}, [], dict.fromkeys(("compliant", "drift", "unknown", "not_applicable"), 0)
        self.checkpoint = self.leaves = self.witnesses = self.total = self.sample = None
        self.quorum = self.tree = self.population = self.earlier = None
        self.held, self.takeovers, self.shown_to = {}, [], []
        self.omitted = 0
        self.signed = True
        self.stranger = False
        self.zip = Zip(path)
        if "manifest.json" not in self.zip.entries:
            raise Refusal("kit.no_manifest", "no manifest.json")
        data = self.zip.read("manifest.json")
        self.zip.require_checksum("manifest.json", data)
        try:
            self.manifest = parse_json(data, ENTRY_BYTES_MAX, 8)
            self.question = manifest_fields(self.manifest)
            require(canonical(self.manifest).encode() == data, "not canonical")
        except Malformed as error:
            raise Refusal("kit.manifest_malformed", str(error)) from None
        self.load_keys()
        signer = self.manifest["key"]
        raw = self.keys.get(signer)
        if pins.key not in (None, signer) or pins.raw_key not in (None, raw):
            self.stranger = True
            self.find("kit.untrusted_key", "manifest.json")
        signature = self.zip.read("manifest.sig") if self.zip.entries.get("manifest.sig", (0, 0))[1] == 64 else b""
        if signature:
            self.zip.require_checksum("manifest.sig", signature)
        if raw is None or not is_signed(raw, signature, data):
            self.signed = False
            self.find("kit.bad_signature", "manifest.json")
        chains = {item["appliance"]: item["keys"] for item in self.manifest["appliances"]}
        for appliance, key in sorted(pins.appliances.items()):
            if appliance not in chains:
                self.find("kit.appliance_missing", appliance)
            elif [one["id"] for one in chains[appliance]] != [key]:
                self.find("kit.untrusted_appliance", appliance)
        for appliance, keys in chains.items():
            if len(keys) > 1:
                self.find("kit.second_key", appliance)

    def find(self, code, subject):
        self.whole = self.whole and code in STRANGE
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
        self.boxes = {item["appliance"]: item for item in self.manifest["appliances"]}
        known = set(self.boxes)
        chunks = {name: [] for name in known}
        receipts = {name: [] for name in known}
        self.prior, self.unsigned = {name: [] for name in known}, 0
        statements = []
        for name in self.zip.entries:
            if name in ("manifest.json", "manifest.sig"):
                continue
            self.compare(name)
            if match := re.fullmatch(r"bundles/([^/]+)/([0-9]{12})\.(jsonl|sig)", name):
                if match[1] in known:
                    if match[3] == "jsonl":
                        chunks[match[1]].append((int(match[2]), name))
                    continue
            if match := re.fullmatch(r"prior/([^/]+)/[0-9]{12}\.(jsonl|sig)", name):
                if match[1] in known:
                    if match[2] == "jsonl":
                        self.prior[match[1]].append(name)
                    continue
            if match := re.fullmatch(r"receipts/([^/]+)/([0-9]{12})\.json", name):
                if match[1] in known:
                    receipts[match[1]].append((int(match[2]), name))
                    continue
            if re.fullmatch(r"statements/[0-9]{12}\.json", name):
                statements.append(name)
                continue
            if name not in FIXED and not re.fullmatch(rf"keys/{KEY}\.pub|anchors/[^/]*\.(ots|tsr)", name):
                self.find("kit.unknown_entry", name)
        self.verified = {}
        self.receipt_keys = {key: self.keys[key] for key in self.manifest["receiptKeys"] if key in self.keys}
        self.read_statements(statements)
        self.read_log()
        self.reading = Reading(self.question)
        for item in self.manifest["appliances"]:
            self.chain(item, chunks[item["appliance"]], receipts[item["appliance"]])
        self.judge_times()
        if self.whole and self.checkpoint:
            self.compute()

    def judge_times(self):
        """The horizon against what the kit holds, and the cosignatures against both."""
        horizon = self.question["horizon"]
        newest = max([self.newest] + [statement["issued"] for statement in self.question["statements"]])
        if newest > horizon:
            self.find("kit.horizon", "manifest.json")
        if not self.checkpoint:
            return
        seen = set()
        for name, raw, seconds in self.checkpoint[2]:
            if newest - SKEW <= seconds * 1000 <= min(horizon + HOUR, LATEST) and raw not in seen:
                seen.add(raw)
                self.cosigned.append((name, seconds * 1000))
        if self.witnesses and len(self.cosigned) < self.witnesses[1]:
            self.find("log.too_few_witnesses", "log/checkpoint")

    def read_statements(self, names):
        self.question["enablement"] = []
        self.question["statements"], self.question["gone"], self.statements, self.dated, self.stated_of = [], [], [], [], []
        for number, name in enumerate(names, 1):
            if name != f"statements/{number:012}.json":
                self.find("statement.misplaced", name)
                continue
            payload, content, signer = envelope(self.zip.read(name), STATEMENT_BYTES_MAX, self.receipt_keys)
            try:
                found = None if payload is None else statement_fields(content)
            except Malformed:
                payload, signer = None, "malformed"
            if payload is None:
                self.find(f"statement.{signer}", name)
                continue
            self.statements.append(leaf(hashlib.sha256(payload).digest(), signer))
            gone = pruned_fields(content) if content["schema"] == "martlet.pruned/v1" else None
            # For a comparison with another kit: digest, date, and whether it is kept for ever.
            self.stated_of.append((hashlib.sha256(payload).digest(), found and found["issued"], gone is not None))
            self.dated.append((name, instant(content, "issued") if found else None))
            if found:
                self.question["statements"].append(found)
            elif gone:
                self.question["gone"].append(gone)
            elif content["schema"] == "martlet.enablement/v1":
                change = enablement_fields(content)
                if change:
                    self.question["enablement"].append(change)

    def stated(self, name):
        return self.zip.read(name) if name in self.zip.entries else b""

    def read_log(self):
        log = self.question["log"]
        if self.pins.log not in (None, log):
            self.find("log.untrusted_key", "manifest.json")
        try:
            value = canonical_json(self.stated("log/witnesses.json"))
            require(isinstance(value, dict) and len(value) == 4 and value.get("schema") == "martlet.witnesses/v1")
            require(value.get("log") == self.manifest["log"]["key"])
            quorum = integer(value, "quorum", 0, 1_000)
            keys = [note_key(key, 4) for key in items(value, "witnesses", 1_000)]
            require(len(set(keys)) == len(keys))
            self.witnesses = keys, quorum
            self.quorum = quorum
        except Malformed:
            self.find("log.witnesses_malformed", "log/witnesses.json")
        if self.pins.witnesses is not None:
            self.witnesses = self.pins.witnesses, self.pins.quorum
        try:
            self.checkpoint = open_checkpoint(self.stated("log/checkpoint"), log, self.witnesses[0] if self.witnesses else [])
        except Malformed:
            return self.find("log.bad_checkpoint", "log/checkpoint")
        try:
            value = canonical_json(self.stated("log/leaves.json"))
            self.leaves = open_leaves(value, self.manifest["appliances"], len(self.statements), self.checkpoint[0])
        except Malformed:
            return self.find("log.leaves_malformed", "log/leaves.json")
        self.logged = list(zip(self.leaves[1], self.statements))
        if "log/seen.json" in self.zip.entries:
            try:
                value = canonical_json(self.stated("log/seen.json"))
                require(isinstance(value, dict) and len(value) == 2 and value.get("schema") == "martlet.seen/v1")
                last = -1
                for item in items(value, "leaves", INTEGER_MAX):
                    require(isinstance(item, list) and len(item) == 2 and each_number(item[0]) and last < item[0] < self.checkpoint[0])
                    require(isinstance(item[1], str) and re.fullmatch(DIGEST, item[1]))
                    last = item[0]
                self.logged += [(index, bytes.fromhex(data)) for index, data in value["leaves"]]
            except Malformed:
                self.find("log.seen_malformed", "log/seen.json")
        self.dated = [(index, at, name) for index, (name, at) in zip(self.leaves[1], self.dated) if at is not None]

    def compute(self):
        nodes = canonical_json(self.stated("log/nodes.json"))
        try:
            require(isinstance(nodes, dict) and len(nodes) == 2 and each_number(nodes.get("size")))
            for node in items(nodes, "nodes", INTEGER_MAX):
                require(isinstance(node, list) and len(node) == 3 and each_number(node[0]) and node[0] <= 63 and each_number(node[1]))
                require(isinstance(node[2], str) and re.fullmatch(DIGEST, node[2]))
            size, root, _ = self.checkpoint
            if nodes["size"] != size or log_root(size, self.logged, nodes["nodes"]) != root:
                self.find("log.wrong_root", "log/nodes.json")
            else:
                self.tree = size, root, sorted(self.logged), nodes["nodes"]
                self.judge_seen()
        except Malformed:
            self.find("log.nodes_malformed", "log/nodes.json")
        newest = 0
        for _, at, name in sorted(self.dated):
            if at < newest - MERGE_DELAY - SKEW:
                self.find("log.order", name)
                break
            newest = max(newest, at)
        question, reading = self.question, self.reading.finish()
        coverage = Coverage(question, reading)
        continuity = continuity_json(question, coverage)
        expected = {(entry["host"], item["check"]) for entry in reading.entries for item in entry["expected"]}
        for host, check in sorted({pair for pair, hours in reading.observed.items() if hours} - expected):
            self.find("ledger.not_expected", f"{host} {check}")
        for name, value in (
                ("ledger", ledger_json(question, reading)), ("coverage", coverage_json(question, coverage)),
                ("continuity", continuity), ("population", population_json(question, reading, coverage))):
            if canonical(value).encode() != self.stated(f"{name}.json"):
                self.find(f"{name}.differs", f"{name}.json")
        self.total = continuity["total"]
        self.takeovers = takeovers(coverage)
        if self.whole:
            self.population = population_json(question, reading, coverage)
        if self.pins.sample:
            self.sample = sample({**self.pins.sample, "root": self.checkpoint[1].hex()}, reading)

    def judge_seen(self):
        """What the boxes were shown against the log here: signed by it, not larger than where they stand in it, and its beginning."""
        if not self.shown_to:
            return
        size, _, leaves, nodes = self.tree
        roots = roots_of_first({int(shown.split("\n")[1]) for _, _, shown in self.shown_to}, size, leaves, nodes)
        for name, index, shown in self.shown_to:
            try:
                old, root, _ = open_checkpoint(shown.encode(), self.question["log"], [])
            except Malformed:
                self.find("log.seen_unsigned", name)
                continue
            if old > index or roots.get(old) != root:
                self.find("log.seen_differs", name)

    def compare(self, name):
        listed = self.manifest["files"].get(name)
        if listed is None:
            return self.find("kit.unlisted", name)
        data = self.zip.read(name)
        if len(data) != listed["size"] or hashlib.sha256(data).hexdigest() != listed["sha256"]:
            return self.find("kit.file_changed", name)
        self.zip.require_checksum(name, data)

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
        heads, times = {}, []
        for sequence, name in receipts:
            self.receipt(item, sequence, name, heads, times)
        acknowledged = max((last for _, last, _ in times), default=-1)
        begin = None if item["count"] else self.question["from"]
        times = Times(times)
        placed = iter(places(self.leaves[0].get(appliance, [])) if self.leaves else ())
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
            if not faults:
                received = times.at(sequence)
                if received is None:
                    self.unreceipted[appliance] = self.unreceipted.get(appliance, 0) + 1
                    if sequence < acknowledged:
                        self.find("receipt.missing", name)
                else:
                    self.newest = max(self.newest, received)
                if self.whole:
                    self.take(record, received, placed)
                self.held.setdefault(appliance, {})[sequence] = (record["digest"], received)
                if any(one["appliance"] == appliance and one["lastSequence"] + 1 == sequence and one["lastDigest"] != record["previous"]
                       for one in self.question["gone"]):
                    self.find("kit.pruned", name)
                if begin is None:
                    begin = self.question["horizon"] if received is None else received
            if any(digest != record["digest"] for digest in heads.get(sequence, ())):
                self.find("receipt.wrong_head", name)
        self.judge_prior(item, begin)
        if expected <= last:
            self.find("chain.gap", appliance)
        elif item["count"] and expected == last + 1 and head not in (None, item["head"]):
            self.find("kit.wrong_head", appliance)
        if count != item["count"] or expected > last + 1:
            self.find("kit.wrong_count", appliance)

    def judge_prior(self, item, begin):
        """What was expected before the chain's begin here: said by the box itself, or pruned; and not later than that begin."""
        appliance = item["appliance"]
        entries = {entry["sequence"]: entry for entry in self.question["prior"] if entry["appliance"] == appliance}
        if begin is not None and any(entry["effective"] > begin + SKEW for entry in entries.values()):
            self.find("kit.prior", appliance)
        for name in self.prior[appliance]:
            for _, data, signature in self.bundles([(0, name)]):
                record = self.bundle(item, name, data, signature)
                if record is None:
                    continue
                entry = entries.pop(record["sequence"], None)
                said = {"appliance": record["appliance"], "sequence": record["sequence"], "host": record["host"]}
                said["expected"] = each_once(record["expected"])
                if entry is None or record["kind"] != "expectation" or record["site"] != self.manifest["site"] or {
                        **entry, **said} != entry:
                    self.find("kit.prior", name)
        pruned = self.pruned_last(appliance)
        self.unsigned += len(entries)
        if any(sequence > pruned for sequence in entries):
            self.find("kit.prior", appliance)

    def pruned_last(self, appliance):
        return max((one["lastSequence"] for one in self.question["gone"] if one["appliance"] == appliance), default=-1)

    def take(self, record, received, placed):
        """For the log's root, and for what was seen."""
        name = f"bundles/{record['appliance']}/{record['sequence']:012}"
        for sequence, index in placed:
            if sequence == record["sequence"]:
                self.logged.append((index, leaf(bytes.fromhex(record["digest"]), record["key"])))
                self.shown_to += [(name, index, shown) for shown in record["shown"]]
                if received is not None:
                    self.dated.append((index, received, name))
                break
        for *_, word, _ in looks(record):
            self.found[word] += 1
        record["received"] = self.question["horizon"] if received is None else received
        try:
            self.reading.add(record)
        except TooManyChecks:
            self.find("coverage.too_many_checks", name)
        if record["check"] and not record["cited"] <= self.question["controls"].get(record["check"], set()):
            self.find("population.control_missing", name)

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
        return {
            **record, "digest": hashlib.sha256(data).hexdigest(), "key": self.keys[key["id"]], "enrolled": valid_from - SKEW}

    def receipt(self, item, sequence, name, heads, times):
        payload, value, signer = envelope(self.zip.read(name), RECEIPT_BYTES_MAX, self.receipt_keys)
        if payload is None:
            return self.find(f"receipt.{signer}", name)
        try:
            require(text(value, "schema", 100) == "martlet.receipt/v1")
            first = integer(value, "firstSequence", 0)
            last = integer(value, "lastSequence", first)
            place = (text(value, "site", 200, SITE), text(value, "appliance", 200, APPLIANCE), last)
            head = text(value, "head", 200, DIGEST)
            received = instant(value, "received")
            promised = [
                (integer(run, "sequence", 0), integer(run, "index", 0), integer(run, "count", 1, RECEIPT_RUNS_MAX))
                for run in items(value, "logged", RECEIPT_RUNS_MAX)]
        except Malformed:
            return self.find("receipt.malformed", name)
        if place != (self.manifest["site"], item["appliance"], sequence):
            return self.find("receipt.misplaced", name)
        if sequence > (item["last"] if item["count"] else -1):
            self.find("receipt.beyond_end", name)
        heads.setdefault(sequence, []).append(head)
        times.append((first, last, received))
        if self.leaves and item["count"] and any(self.shown(item, number) not in (None, index) for number, index in places(promised)):
            self.find("receipt.wrong_index", name)

    def shown(self, item, sequence):
        """Where the kit says that this bundle stands; None where it does not hold it."""
        if not item["first"] <= sequence <= item["last"]:
            return None
        runs = self.leaves[0][item["appliance"]]
        low, high = 0, len(runs)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if runs[middle][0] <= sequence else (low, middle)
        return runs[low][1] + sequence - runs[low][0]


class Comparison:
    """Whether a kit goes on from an earlier one of the same site: docs/formats/kit.md, "An earlier kit"."""

    TAIL = 8 * 24 * HOUR

    def __init__(self, earlier, later):
        self.earlier, self.later = earlier, later
        self.findings, self.notes, self.bundles, self.shown = [], [], 0, False
        old, new = earlier.manifest, later.manifest
        if old["site"] != new["site"] or old["organization"]["id"] != new["organization"]["id"]:
            self.find("earlier.other_site", "manifest.json")
            return
        same_log = earlier.question["log"] == later.question["log"]
        if not same_log:
            self.find("earlier.other_log", "manifest.json")
        self.before, self.now = earlier.question, later.question
        self.as_long = self.now["until"] >= self.before["until"]
        if self.as_long and self.now["horizon"] < self.before["horizon"] - HOUR:
            self.find("earlier.horizon_back", "manifest.json")
        if None not in (earlier.quorum, later.quorum) and later.quorum < earlier.quorum:
            self.find("earlier.quorum_lower", "log/witnesses.json")
        for item in old["appliances"]:
            self.compare_box(item)
        self.compare_statements()
        if same_log and earlier.tree and later.tree:
            self.compare_logs()
        if earlier.population and later.population:
            self.compare_populations()
        overlaps = self.before["from"] < self.now["until"] and self.now["from"] < self.before["until"]
        if overlaps and old["controls"] != new["controls"]:
            self.notes.append("earlier.controls_changed")

    def find(self, code, subject):
        self.findings.append((code, subject))

    def compare_box(self, old):
        appliance = old["appliance"]
        new = next((item for item in self.later.manifest["appliances"] if item["appliance"] == appliance), None)
        if new is None:
            return self.find("earlier.appliance_missing", appliance)
        kept = len(old["keys"]) == len(new["keys"]) and all(
            one["id"] == other["id"] and one["validFrom"] == other["validFrom"]
            and (one.get("validUntil") is None or one.get("validUntil") == other.get("validUntil"))
            for one, other in zip(old["keys"], new["keys"]))
        if not kept:
            self.find("earlier.key_changed", appliance)
        present, pruned = self.later.held.get(appliance, {}), self.later.pruned_last(appliance)
        first = {}
        for sequence, (digest, received) in sorted(self.earlier.held.get(appliance, {}).items()):
            if not new["count"] or not new["first"] <= sequence <= new["last"]:
                known = self.before["horizon"] if received is None else received
                if sequence > pruned and self.now["from"] <= known <= self.now["until"] + self.TAIL:
                    first.setdefault("bundle_missing" if new["count"] and sequence < new["first"] else "chain_back", sequence)
                continue
            # One that does not verify has a finding of its own.
            if sequence not in present:
                continue
            self.bundles += 1
            if present[sequence][0] != digest:
                first.setdefault("bundle_changed", sequence)
            if received is not None and present[sequence][1] != received:
                first.setdefault("received_changed", sequence)
            places = [kit.shown(kit.boxes[appliance], sequence) for kit in (self.earlier, self.later) if kit.leaves]
            if len(places) == 2 and places[0] != places[1]:
                first.setdefault("place_changed", sequence)
        for word in ("bundle_missing", "chain_back"):
            if word in first:
                self.find("earlier." + word, appliance)
        for word in ("bundle_changed", "received_changed", "place_changed"):
            if word in first:
                self.find("earlier." + word, f"bundles/{appliance}/{first[word]:012}")

    def compare_statements(self):
        indices = self.later.leaves[1] if self.later.leaves else [None] * len(self.later.stated_of)
        places = {digest: index for (digest, *_), index in zip(self.later.stated_of, indices)}
        for number, (digest, issued, gone) in enumerate(self.earlier.stated_of):
            name = f"statements/{number + 1:012}.json"
            if digest not in places:
                if self.as_long or not gone and issued is not None and issued <= self.now["until"] + self.TAIL:
                    self.find("earlier.statement_missing", name)
            elif self.earlier.leaves and places[digest] not in (None, self.earlier.leaves[1][number]):
                self.find("earlier.place_changed", name)

    def compare_logs(self):
        small, large = sorted((self.earlier.tree, self.later.tree), key=lambda tree: tree[0])
        leaves = dict(small[2])
        same = all(leaves.get(index, data) == data for index, data in large[2])
        root = roots_of_first([small[0]], large[0], large[2], large[3]).get(small[0])
        if not same or root not in (None, small[1]):
            self.find("earlier.log_forked", "log/checkpoint")
        else:
            self.shown = root is not None

    def compare_populations(self):
        gone = [milliseconds(one["receivedUntil"]) + DAY for one in self.now["gone"]]
        begin = max([self.before["from"], self.now["from"]] + gone)
        end = min(self.before["until"], self.now["until"], self.before["horizon"] - DAY, self.now["horizon"] - DAY)
        first, last = -(-begin // HOUR), end // HOUR
        if begin >= end:
            return
        kept = hours_of(self.later.population, None, None)
        for pair, hours in sorted(hours_of(self.earlier.population, first, last).items(), key=lambda item: item[0].encode()):
            if not hours <= kept.get(pair, set()):
                self.find("earlier.population_shrunk", pair)


def hours_of(population, first, last):
    """The hours of required slots by host and check; of those that lie wholly between these."""
    hours = {}
    for item in population["slots"]:
        length = item["hours"]
        for number, count in item["runs"]:
            low = number if first is None else max(number, -(-first // length))
            high = number + count if last is None else min(number + count, last // length)
            if low < high:
                hours.setdefault(f"{item['host']} {item['check']}", set()).update(range(low * length, high * length))
    return hours


def compare_with(path, later):
    """Nobody vouches for the earlier kit but who has kept it, so the pins are not held against it."""
    try:
        earlier = Kit(path, Pins())
        earlier.verify()
    except Refusal:
        earlier = None
    if earlier is None or earlier.findings:
        later.find("earlier.not_verified", "earlier")
    if earlier is None or not earlier.signed:
        return None
    comparison = Comparison(earlier, later)
    for code, subject in comparison.findings:
        later.find(code, subject)
    return {"bundles": comparison.bundles, "isLogShown": comparison.shown, "notes": comparison.notes,
            "size": earlier.tree[0] if earlier.tree else None}


def judge(path, pins=None):
    pins = pins or Pins()
    try:
        kit = Kit(path, pins)
        kit.verify()
        if pins.earlier:
            kit.earlier = compare_with(pins.earlier, kit)
    except Refusal as refusal:
        return {"exit": 2, "findings": [{"code": refusal.args[0], "subject": "kit"}], "trust": "not judged"}
    signer = kit.manifest["key"]
    if not kit.signed:
        trust = "not signed by any key that was found"
    elif kit.stranger:
        trust = f"signed by {signer}, which is not the key you named: nobody you named vouches for it"
    elif pins.key or pins.raw_key:
        trust = f"signed by {signer}, the key you named"
    else:
        trust = f"signed by {signer}, which this kit itself supplies: compare it with the key your provider published"
    findings = [{"code": code, "subject": subject} for code, subject in kit.findings]
    question, day = kit.question, 24 * HOUR
    begin_of_rest = max(question["from"], question["horizon"] // day * day)
    appliances = [
        {**{key: item[key] for key in ("appliance", "count", "first", "last", "keys")}, "verified": kit.verified[item["appliance"]],
         "withoutReceipt": kit.unreceipted.get(item["appliance"], 0)} for item in kit.manifest["appliances"]]
    return {"exit": 1 if findings else 0, "findings": findings, "findingsOmitted": kit.omitted, "appliances": appliances, "trust": trust,
            "figures": kit.total, "found": kit.total and kit.found, "sample": kit.sample, "prior": len(question["prior"]),
            "priorUnsigned": kit.unsigned, "takeovers": kit.takeovers, "pruned": question["gone"], "earlier": kit.earlier,
            "period": {**kit.manifest["period"], "daysNotJudged": max(0, question["until"] - begin_of_rest) // day},
            "anchors": sum(name.startswith("anchors/") for name in kit.zip.entries), "notChecked": not_checked(kit, pins),
            "log": kit.checkpoint and {
                "origin": question["log"][0], "size": kit.checkpoint[0], "cosignatures": len(kit.cosigned),
                "cosignaturesNotCounted": len(kit.checkpoint[2]) - len(kit.cosigned),
                "cosigned": [{"name": name, "at": written(at)} for name, at in kit.cosigned],
                "witnesses": len(kit.witnesses[0]) if kit.witnesses else 0, "quorum": kit.witnesses[1] if kit.witnesses else 0}}


def not_checked(kit, pins):
    """What this kit cannot show by itself."""
    boxes = {item["appliance"] for item in kit.manifest["appliances"]} - set(pins.appliances)
    return [sentence for condition, sentence in (
        (not (pins.key or pins.raw_key), f"whether {kit.manifest['key']} is your provider's key (--key)"),
        (boxes, "whether these keys are your boxes': compare them with what martlet-appliance status prints on each (--appliance)"),
        (pins.log is None, "whether this is the log that its witnesses know: ask one of them for its key (--log)"),
        (pins.witnesses is None, "whether its witnesses are independent: the provider chose them (--witness, --quorum)"),
        (kit.earlier, "whether something was left out that the earlier kit does not hold either"),
        (kit.earlier and not kit.earlier["isLogShown"],
         "whether the log goes on from the earlier kit's checkpoint: martlet log consistency shows it"),
        (not kit.earlier, "whether a box, the end of a chain, or all of something was left out: only an earlier kit or receipt that "
                          "somebody else holds shows it (--earlier)"),
        (kit.question["controls"], "which checks speak to a control: that list is the provider's"),
        (any(name.startswith("anchors/") for name in kit.zip.entries), "the proofs of time in anchors/: their own tools check them"),
        (True, "README.txt and verify.html in it: use programs that you got elsewhere"),
    ) if condition]


def printable(text):
    """Nothing in a kit may write lines of this report."""
    return "".join(c if re.fullmatch(PLAIN, c) else f"\\u{{{ord(c):x}}}" for c in text)


def main():
    parser = argparse.ArgumentParser(description="Verify a kit of evidence, offline.")
    parser.add_argument("kit", nargs="?")
    parser.add_argument("--key", metavar="KEYID", help="the key that must have signed it")
    parser.add_argument("--trust", metavar="FILE", help="a file with that public key, PEM")
    parser.add_argument("--log", metavar="VKEY", help="the key that the log must have")
    parser.add_argument("--witness", metavar="VKEY", action="append", help="a witness whose cosignature counts, instead of the kit's own")
    parser.add_argument("--quorum", metavar="N", type=int, help="how many of these are wanted; all, if left out")
    parser.add_argument("--appliance", metavar="ID=KEYID", action="append", default=[], help="a box that must be in it, and its key")
    parser.add_argument("--earlier", metavar="KIT", help="a kit of the same site that you have kept: this one must go on from it")
    parser.add_argument("--sample", metavar="N", type=int, help="draw so many bundles; needs --nonce")
    parser.add_argument("--nonce", metavar="TEXT", help="16 to 200 bytes, chosen after the kit was received")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch", metavar="DIR")
    options = parser.parse_args()
    if options.batch:
        for name in sorted(os.listdir(options.batch)):
            print(json.dumps({"kit": name, **judge(os.path.join(options.batch, name))}))
        return 0
    if not options.kit or options.key and options.trust:
        parser.error("name one kit, and at most one of --key and --trust")
    pins = Pins()
    pins.key, pins.earlier = options.key, options.earlier
    if options.trust:
        with open(options.trust, "rb") as file:
            pins.raw_key = raw_key(file.read(1_000))
        if pins.raw_key is None:
            parser.error("--trust: not an Ed25519 public key in PEM")
    try:
        pins.log = options.log and note_key(options.log, 1)
    except Malformed:
        parser.error("--log: not a verifier key")
    try:
        pins.witnesses = options.witness and [note_key(one, 4) for one in dict.fromkeys(options.witness)]
    except Malformed:
        parser.error("--witness: not a witness's verifier key")
    pins.quorum = options.quorum if options.quorum is not None else len(pins.witnesses or ())
    if options.quorum is not None and not (pins.witnesses and 1 <= options.quorum <= len(pins.witnesses)):
        parser.error("--quorum: a number from 1 to that of the --witness options")
    for one in options.appliance:
        appliance, _, key = one.partition("=")
        if not re.fullmatch(APPLIANCE, appliance) or not re.fullmatch(KEY, key) or pins.appliances.setdefault(appliance, key) != key:
            parser.error("--appliance: takes appl_…=key_…, each box once")
    if options.sample is not None or options.nonce is not None:
        if (options.sample or 0) < 1 or not 16 <= len((options.nonce or "").encode()) <= 200:
            parser.error("--sample takes a number above 0, and --nonce a text of 16 to 200 bytes; each needs the other")
        pins.sample = {"count": options.sample, "nonce": options.nonce}
    report = judge(options.kit, pins)
    if options.json:
        print(json.dumps(report))
    else:
        for line in table(report):
            print(printable(line))
    return report["exit"]


def table(report):
    yield f"trust     {report['trust']}"
    if period := report.get("period"):
        yield f"period    {period['from']} to {period['until']}, judged up to {period['horizon']}"
        if period["daysNotJudged"]:
            yield f"          the last {period['daysNotJudged']} days of it are not judged, or not to their end"
    for item in report.get("appliances", ()):
        found = f"bundles {item['first']} to {item['last']}: {item['verified']} verified" if item["count"] else "sent nothing"
        yield f"appliance {item['appliance']}: {found}"
        for key in item["keys"]:
            yield f"          key {key['id']} from {key['validFrom']}" + (f" until {key['validUntil']}" if key.get("validUntil") else "")
        if item["first"]:
            yield f"          begins with number {item['first']}: what was before it is not in this kit"
        if item["withoutReceipt"]:
            yield f"          {item['withoutReceipt']} bundles without a receipt: nothing says when they were received"
    if log := report.get("log"):
        yield (f"log       {log['origin']}, {log['size']} entries, signed by {log['cosignatures']} of {log['witnesses']} witnesses; "
               f"{log['quorum']} are wanted")
        for one in log["cosigned"]:
            yield f"cosigned  {one['at']} by {one['name']}"
        if log["cosignaturesNotCounted"]:
            yield (f"          {log['cosignaturesNotCounted']} more do not count: by one key twice, older than the newest receipt, "
                   "or later than the horizon")
    if report.get("prior"):
        yield (f"ledger    {report['prior']} entries from before these bundles; {report['priorUnsigned']} of them on the provider's word, "
               "the others signed by the boxes; when they took effect is the provider's word")
    for one in report.get("pruned", ()):
        term = f" after {one['retentionDays']} days" if one["retentionDays"] else " after their term"
        yield (f"pruned    {one['appliance']}: bundles {one['firstSequence']} to {one['lastSequence']}, received until {one['receivedUntil']}, "
               f"are gone{term}; the last was {one['lastDigest']}")
    for one in report.get("takeovers", ()):
        yield f"taken over {one['host']} by {one['appliance']} at {one['at']}, where {one['before']} was and still sent: ask why"
    if earlier := report.get("earlier"):
        shown = "" if earlier["size"] is None else f"; the log goes on from its {earlier['size']} entries" if earlier["isLogShown"] else (
            f"; that the log goes on from its {earlier['size']} entries does not follow from what the two kits hold")
        yield f"earlier   {earlier['bundles']} bundles of the earlier kit are here, the same{shown}"
        for note in earlier["notes"]:
            yield f"          {note}: ask why"
    if report.get("anchors"):
        yield f"anchors   {report['anchors']}, not checked here"
    if seen := report.get("figures"):
        yield (f"seen      {seen['required']} required: {seen['made']} in time, {seen['late']} late, {seen['excepted']} excepted, "
               f"{sum(seen['missing'].values())} missing")
        found = report["found"]
        yield (f"found     by these looks: {found['compliant']} compliant, {found['drift']} drift, {found['unknown']} unknown, "
               f"{found['not_applicable']} not applicable")
    elif report["exit"] != 2:
        yield "seen      not computed again, because of the findings"
    for appliance, sequence in report.get("sample") or ():
        yield f"sample    {appliance} {sequence}"
    for sentence in report.get("notChecked", ()):
        yield f"not checked: {sentence}"
    for finding in report["findings"][:100]:
        yield f"finding   {finding['code']}  {finding['subject']}"
    count = len(report["findings"]) + report.get("findingsOmitted", 0)
    if count > 100:
        yield f"          and {count - 100} more"
    found = "1 finding" if count == 1 else f"{count} findings"
    yield "result    " + ("everything verified", found, "not a kit that can be judged")[report["exit"]]


if __name__ == "__main__":
    sys.exit(main())
