#!/usr/bin/env python3
"""Writes patterns.tsv: random patterns of our grammar, random texts, and what Python's re.fullmatch says of them."""
import pathlib
import random
import re

rng = random.Random(20261121)


def atom(depth):
    kind = rng.randrange(9 if depth < 3 else 7)
    if kind < 4:
        return rng.choice("abc")
    if kind == 4:
        return "."
    if kind == 5:
        return rng.choice(["[ab]", "[^a]", "[a-c]", "[b-cx]", "[^b-c]", "[a\\d]"])
    if kind == 6:
        return rng.choice(["\\d", "\\w", "\\.", "-"])
    return "(" + choice(depth + 1) + ")"


def piece(depth):
    return atom(depth) + rng.choice(["", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])


def choice(depth):
    return "|".join("".join(piece(depth) for _ in range(rng.randint(1, 3))) for _ in range(rng.choice([1, 1, 2, 3])))


rows = []
while len(rows) < 4000:
    pattern = choice(0)
    compiled = re.compile(pattern, re.ASCII | re.DOTALL)
    for _ in range(4):
        text = "".join(rng.choice("aaabbc1-.é") for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 5])))
        rows.append(f"{pattern}\t{text}\t{int(bool(compiled.fullmatch(text)))}\n")
pathlib.Path(__file__).with_name("patterns.tsv").write_text("".join(rows), encoding="utf-8")
