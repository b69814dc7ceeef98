"""Reads DSSE envelopes, one a line, from standard input, with the public libraries of the DSSE and in-toto projects.

Usage: dsse_check.py PUBLIC_KEY.pem KEYID
Prints one line per statement: its predicate type, its subject's SHA-256, and whether the evidence inside, canonicalised
again, has that digest. Exit code 1 at the first envelope or statement that the libraries refuse.
"""
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

with open(sys.argv[1], "rb") as file:
    KEY = SSlibKey.from_crypto(load_pem_public_key(file.read()), keyid=sys.argv[2])

for number, line in enumerate(sys.stdin, start=1):
    try:
        envelope = Envelope.from_dict(json.loads(line))
        envelope.verify([KEY], 1)
        assert envelope.payload_type == "application/vnd.in-toto+json", envelope.payload_type
        statement = json_format.Parse(envelope.payload, statement_pb2.Statement())
        Statement.copy_from_pb(statement).validate()
    except Exception as error:
        sys.exit(f"line {number}: {type(error).__name__}: {error}")
    # Numbers from the JSON text: protobuf's would all be floating-point.
    evidence = json.loads(envelope.payload)["predicate"]["evidence"]
    canonical = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = statement.subject[0].digest["sha256"]
    print(statement.predicate_type, digest, "same" if hashlib.sha256(canonical).hexdigest() == digest else "different")
