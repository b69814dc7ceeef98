#!/usr/bin/env python3
"""Coverage, continuity, verdict runs and samples, computed again from docs/formats/coverage.md by a program that shares nothing with the product.

  coverage_reference.py QUESTIONS > ANSWERS

A question is a line of JSON: {"site","from","until","horizon","prior","statements","controls","bundles","instants","sample"}, and
perhaps "pruned"; a bundle has the members that the document names, and `received`. What a kit's reader needs of it lies in
verify_kit.py, since that has to be one file.
"""
import json
import sys

from verify_kit import (
    HOUR, Coverage, Reading, Trust, canonical, coverage_json, continuity_json, each_once, ledger_json, looks, milliseconds,
    population_json, rules, sample, written)


def chains(bundles):
    """Bundles by appliance, without those that repeat or go back."""
    last = {}
    for bundle in bundles:
        if bundle["sequence"] > last.get(bundle["appliance"], -1):
            last[bundle["appliance"]] = bundle["sequence"]
            yield bundle


def expected_at(entries, at):
    hosts = {}
    for entry in entries:
        if entry["effective"] <= at and (entry["expected"] or hosts.get(entry["host"], ("",))[0] == entry["appliance"]):
            hosts[entry["host"]] = (entry["appliance"], entry["expected"])
    return {(host, item["check"]) for host, (_, expected) in hosts.items() for item in expected}


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
            elif not trust.believes(at, bundle) or trust.before is not None and at < min(trust.before, bundle["ended"] - 25 * HOUR):
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


def with_pruned(found, question):
    """Names what touches the period of the beginnings that are gone; a kit has none of it."""
    touching = [
        span for span in question.get("pruned", [])
        if milliseconds(span["from"]) < question["until"] and question["from"] < milliseconds(span["until"])]
    return {**found, "pruned": sorted(touching, key=lambda span: span["appliance"])} if touching else found


# --- In and out -------------------------------------------------------------------------------------------------------


def read(line):
    question = json.loads(line)
    for name in ("from", "until", "horizon"):
        question[name] = milliseconds(question[name])
    for statement in question["statements"]:
        statement["json"] = dict(statement)
        for name in ("from", "until", "issued"):
            statement[name] = milliseconds(statement[name])
    for entry in question["prior"]:
        entry["effective"] = milliseconds(entry["effective"])
        entry["expected"] = each_once(entry["expected"])
    for bundle in question["bundles"]:
        for name in ("observed", "started", "ended", "received", "enrolled"):
            bundle[name] = milliseconds(bundle[name])
    return question


def main():
    for question in map(read, open(sys.argv[1], encoding="utf-8")):
        reading = Reading(question)
        for bundle in chains(question["bundles"]):
            reading.add(bundle)
        reading.finish()
        coverage = Coverage(question, reading)
        runs = verdict_runs(question)
        print(canonical({
            "ledger": ledger_json(question, reading),
            "coverage": with_pruned(coverage_json(question, coverage), question),
            "continuity": with_pruned(continuity_json(question, coverage), question),
            "population": population_json(question, reading, coverage),
            "runs": [{**run, "first": written(run["first"]), "last": written(run["last"])} for run in runs],
            "postures": [posture(question, reading, runs, milliseconds(text)) for text in question["instants"]],
            "sample": sample(question["sample"], reading)}))


if __name__ == "__main__":
    main()
