#!/usr/bin/env python3
"""Coverage, continuity, verdict runs and samples, computed again from docs/formats/coverage.md by a program that shares nothing with the product.

  coverage_reference.py QUESTIONS > ANSWERS

A question is a line of JSON: {"site","from","until","horizon","prior","statements","controls","bundles","instants","sample"}; a bundle has
the members that the document names, and `received`. Needs Python 3.9 and nothing else.
"""
import hashlib
import hmac
import json
import sys
from datetime import datetime, timedelta, timezone

HOUR = 3_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LATEST = 253_402_300_799_999


def instant(text):
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z") - EPOCH) // timedelta(milliseconds=1)


def written(milliseconds):
    moment = EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment.year:04}-{moment.month:02}-{moment.day:02}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}.{milliseconds % 1000:03}Z"


def by_units(text):
    return text.encode("utf-16-be")


def ordered(value):
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=by_units)}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


def canonical(value):
    return json.dumps(ordered(value), separators=(",", ":"), ensure_ascii=False)


def limited(milliseconds):
    return min(max(milliseconds, 0), LATEST)


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

    def judge(self, bundle):
        """Sets what the bundle's dates are worth: counts, withdraw (None, "all" or an instant), latest, own."""
        offset = bundle["clock"]["offsetMs"]
        wrong = offset is not None and abs(offset) > 900_000
        off = offset if wrong else 0
        ended, received = bundle["ended"], bundle["received"]
        self.counts, self.withdraw, self.latest = False, None, None
        self.own = min(limited(received), limited(bundle["observed"] - off))
        if ended > received + 300_000:
            return
        went_back = self.newest is not None and ended < self.newest - 900_000
        if wrong:
            self.withdraw = "all" if self.confirmed is None else self.confirmed
            self.newest = self.confirmed
            self.floor = self.latest = limited(ended - off)
            return
        if offset is not None:
            self.latest = limited(ended)
            if went_back:
                self.withdraw = self.newest = self.confirmed = self.floor = ended
        elif went_back:
            return
        self.counts = True
        self.newest = ended if self.newest is None else max(self.newest, ended)
        if offset is not None:
            self.confirmed = ended if self.confirmed is None else max(self.confirmed, ended)

    def believes(self, at, bundle):
        return at <= bundle["ended"] and (self.floor is None or at >= self.floor)


def looks(bundle):
    """(host, check, instant, verdict word, code) of everything the bundle speaks of."""
    kind, host, verdict = bundle["kind"], bundle["host"], bundle["verdict"]
    if kind == "verdict" and bundle["check"] and verdict:
        yield host, bundle["check"], bundle["observed"], verdict["word"], verdict["code"]
    elif kind == "attestation":
        for item in bundle["attested"]:
            yield host, item["check"], instant(item["observed"]), item["verdict"]["word"], item["verdict"]["code"]
    elif kind == "healing":
        recheck = bundle["outcome"]["recheck"]
        if bundle["outcome"]["word"] == "success":
            yield recheck["host"], recheck["check"], instant(recheck["started"]), "compliant", None
        elif bundle["check"] and verdict:
            yield host, bundle["check"], bundle["ended"], verdict["word"], verdict["code"]


def chains(bundles):
    """Bundles by appliance, without those that repeat or go back."""
    last = {}
    for bundle in bundles:
        if bundle["sequence"] > last.get(bundle["appliance"], -1):
            last[bundle["appliance"]] = bundle["sequence"]
            yield bundle


# --- Reading ----------------------------------------------------------------------------------------------------------


class Reading:
    """One pass: hours observed, reasons and gaps by hour, the ledger's entries."""

    def __init__(self, question):
        self.observed, self.reasons, self.gaps, self.read = {}, {}, {}, []
        self.first, self.end = question["from"] // HOUR, question["until"] // HOUR
        self.entries = list(question["prior"])
        appliance, trust, own, own_entries = None, None, {}, []
        for bundle in chains(question["bundles"]):
            if bundle["appliance"] != appliance:
                self.keep(own, own_entries)
                appliance, trust, own, own_entries = bundle["appliance"], Trust(), {}, []
                self.read.append({"appliance": appliance, "first": bundle["sequence"]})
            self.read[-1]["last"] = bundle["sequence"]
            trust.judge(bundle)
            if trust.withdraw is not None:
                for key in own:
                    own[key] = set() if trust.withdraw == "all" else {h for h in own[key] if h <= trust.withdraw // HOUR}
            if trust.latest is not None:
                for entry in own_entries:
                    entry["effective"] = min(entry["effective"], trust.latest)
            for host, check, at, word, code in looks(bundle):
                if word != "unknown" and trust.counts:
                    if trust.believes(at, bundle):
                        own.setdefault((host, check), set()).add(at // HOUR)
                else:
                    reason = code if word == "unknown" else "gap.clock"
                    self.reasons.setdefault((host, check), {}).setdefault(trust.own // HOUR, reason)
            if bundle["kind"] == "expectation":
                known = [trust.own, trust.newest] + [entry["effective"] for entry in own_entries[-1:]]
                own_entries.append({
                    "appliance": appliance, "sequence": bundle["sequence"], "host": bundle["host"],
                    "effective": max(x for x in known if x is not None), "expected": each_once(bundle["expected"])})
            if bundle["kind"] == "gap" and bundle["started"] < bundle["ended"]:
                place = self.gaps.setdefault((bundle["host"], bundle["check"]), {})
                for hour in range(max(bundle["started"] // HOUR, self.first), min(-(-bundle["ended"] // HOUR), self.end)):
                    place.setdefault(hour, bundle["outcome"]["code"])
        self.keep(own, own_entries)
        self.entries.sort(key=lambda entry: (entry["effective"], entry["appliance"], entry["sequence"]))

    def keep(self, own, entries):
        for key, hours in own.items():
            self.observed.setdefault(key, set()).update(hours)
        self.entries += entries


def segments(entries, horizon):
    found, watching = {}, {}

    def close(host, check, at):
        _, begun, (length, grace), watcher = watching[host][1][check]
        if begun < at:
            found.setdefault((host, check), []).append((begun, at, length, grace, watcher))

    for entry in entries:
        host, at = entry["host"], entry["effective"]
        watcher, open_checks = watching.get(host, (entry["appliance"], {}))
        if not entry["expected"] and watcher != entry["appliance"]:
            continue
        fresh = {}
        for item in entry["expected"]:
            rule = rules(item)[:2]
            before = open_checks.get(item["check"])
            same = before is not None and before[2] == rule and before[3] == entry["appliance"]
            fresh[item["check"]] = before if same else (item["check"], at, rule, entry["appliance"])
        for check in open_checks:
            if fresh.get(check) is not open_checks[check]:
                close(host, check, at)
        watching[host] = (entry["appliance"], fresh)
    for host, (_, open_checks) in watching.items():
        for check in open_checks:
            close(host, check, horizon)
    return found


def expected_at(entries, at):
    hosts = {}
    for entry in entries:
        if entry["effective"] <= at and (entry["expected"] or hosts.get(entry["host"], ("",))[0] == entry["appliance"]):
            hosts[entry["host"]] = (entry["appliance"], entry["expected"])
    return {(host, item["check"]) for host, (_, expected) in hosts.items() for item in expected}


# --- Judging ----------------------------------------------------------------------------------------------------------


class Coverage:
    def __init__(self, question, reading):
        self.days, self.gaps, self.slots = {}, [], {}
        self.question, self.reading = question, reading
        self.statements = [s for s in question["statements"] if s["site"] == question["site"]]
        found = segments(reading.entries, question["horizon"])
        for pair in sorted(found):
            for segment in found[pair]:
                self.judge(pair, *segment)

    def judge(self, pair, begun, ended, length, grace, watcher):
        question = self.question
        span = length * HOUR
        number = -(-max(begun, question["from"]) // span)
        while (number + 1) * span <= min(ended, question["until"]) and (number + 1) * length + grace <= question["horizon"] // HOUR:
            first, end = number * length, (number + 1) * length
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
            number += 1

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
    return frame(question, "martlet.continuity/v1", total=total, controls=listed, exceptions=exceptions, gaps=gaps)


def population_json(question, reading, coverage):
    slots = [
        {"host": pair[0], "check": pair[1], "hours": length, "runs": coverage.slots[pair, length]}
        for pair, length in sorted(coverage.slots)]
    return frame(question, "martlet.population/v1", bundles=reading.read, controls=controls(question), slots=slots)


def ledger_json(question, reading):
    entries = [{**entry, "effective": written(entry["effective"])} for entry in reading.entries]
    return {"schema": "martlet.ledger/v1", "site": question["site"], "entries": entries}


# --- Verdict runs -----------------------------------------------------------------------------------------------------


def verdict_runs(question):
    runs, appliance = [], None
    for bundle in chains(question["bundles"]):
        if bundle["appliance"] != appliance:
            appliance, trust, open_runs, reach = bundle["appliance"], Trust(), {}, {}
            for entry in sorted(question["prior"], key=lambda entry: (entry["effective"], entry["sequence"])):
                if entry["appliance"] == appliance:
                    reach[entry["host"]] = {item["check"]: rules(item)[2] for item in entry["expected"]}
        trust.judge(bundle)
        if trust.withdraw is not None:
            limit = -10**18 if trust.withdraw == "all" else trust.withdraw
            runs = [run for run in runs if run["appliance"] != appliance or run["first"] <= limit]
            for run in runs:
                if run["appliance"] == appliance:
                    run["last"] = min(run["last"], limit)
            open_runs = {}
        if bundle["kind"] == "expectation":
            reach[bundle["host"]] = {item["check"]: rules(item)[2] for item in each_once(bundle["expected"])}
        for host, check, at, word, code in looks(bundle) if trust.counts else ():
            if word == "unknown":
                at = trust.own
            elif not trust.believes(at, bundle):
                continue
            run = open_runs.get((host, check))
            if run and at <= run["last"]:
                continue
            if run and (word, code) == (run["verdict"], run["code"]) and at - run["last"] <= 1000 * run["reachSeconds"]:
                run.update(last=at, lastSequence=bundle["sequence"])
                continue
            run = {
                "appliance": appliance, "host": host, "check": check, "verdict": word, "code": code, "first": at, "last": at,
                "firstSequence": bundle["sequence"], "lastSequence": bundle["sequence"],
                "reachSeconds": reach.get(host, {}).get(check, 7200)}
            open_runs[host, check] = run
            runs.append(run)
    return sorted(runs, key=lambda run: (run["host"], run["check"], run["first"], run["appliance"]))


def answer(runs, at):
    begun = [run for run in runs if run["first"] <= at]
    if not begun or at > begun[-1]["last"] + 1000 * begun[-1]["reachSeconds"]:
        return {"verdict": "unknown", "code": "stale", "proof": [], "failingSince": None}
    run, since = begun[-1], None
    if run["verdict"] == "drift":
        for other in reversed(begun):
            if other["verdict"] in ("compliant", "not_applicable"):
                break
            if other["verdict"] == "drift":
                since = other
    proof = sorted({run["firstSequence"], run["lastSequence"]})
    return {
        "verdict": run["verdict"], "code": run["code"], "proof": [[run["appliance"], number] for number in proof],
        "failingSince": since and [written(since["first"]), since["appliance"], since["firstSequence"]]}


def posture(question, reading, runs, at):
    by_pair = {}
    for run in runs:
        by_pair.setdefault((run["host"], run["check"]), []).append(run)
    expected = expected_at(reading.entries, at)
    found = {pair: answer(by_pair.get(pair, []), at) for pair in expected | set(by_pair)}
    return [
        {"host": pair[0], "check": pair[1], **found[pair]} for pair in sorted(found) if pair in expected or found[pair]["proof"]]


# --- Sample -----------------------------------------------------------------------------------------------------------


def sample(question, reading):
    wanted = question["sample"]
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


# --- In and out -------------------------------------------------------------------------------------------------------


def read(line):
    question = json.loads(line)
    for name in ("from", "until", "horizon"):
        question[name] = instant(question[name])
    for statement in question["statements"]:
        statement["json"] = dict(statement)
        for name in ("from", "until", "issued"):
            statement[name] = instant(statement[name])
    for entry in question["prior"]:
        entry["effective"] = instant(entry["effective"])
        entry["expected"] = each_once(entry["expected"])
    for bundle in question["bundles"]:
        for name in ("observed", "started", "ended", "received"):
            bundle[name] = instant(bundle[name])
    return question


def main():
    for question in map(read, open(sys.argv[1], encoding="utf-8")):
        reading = Reading(question)
        coverage = Coverage(question, reading)
        runs = verdict_runs(question)
        print(canonical({
            "ledger": ledger_json(question, reading), "coverage": coverage_json(question, coverage),
            "continuity": continuity_json(question, coverage), "population": population_json(question, reading, coverage),
            "runs": [{**run, "first": written(run["first"]), "last": written(run["last"])} for run in runs],
            "postures": [posture(question, reading, runs, instant(text)) for text in question["instants"]],
            "sample": sample(question, reading)}))


if __name__ == "__main__":
    main()
