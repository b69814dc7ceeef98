"""What the published opentimestamps library makes of proofs.

  make SEED COUNT   random proofs with every operation: lines "HEX JSON", JSON the list of [message, attestation] as they are sorted
  read FILE         for each line of hexadecimal: what the library writes after reading it, or "refused"
"""
import json
import random
import sys

from opentimestamps.core.notary import (BitcoinBlockHeaderAttestation, LitecoinBlockHeaderAttestation, PendingAttestation,
                                        UnknownAttestation)
from opentimestamps.core.op import (OpAppend, OpHexlify, OpKECCAK256, OpPrepend, OpReverse, OpRIPEMD160, OpSHA1, OpSHA256)
from opentimestamps.core.serialize import BytesDeserializationContext, BytesSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp


def grow(stamp, chance, depth):
    plain = [OpReverse, OpHexlify, OpSHA1, OpRIPEMD160, OpSHA256] + ([OpKECCAK256] if chance.random() < 0.1 else [])
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        if depth == 0 or chance.random() < 0.2:
            stamp.attestations.add(chance.choice([
                PendingAttestation("https://calendar-%d.example:8443/a_b-c" % chance.randrange(9)),
                BitcoinBlockHeaderAttestation(chance.choice([0, 127, 128, 358391, 2**31 - 1])),
                LitecoinBlockHeaderAttestation(chance.randrange(2**21)),
                UnknownAttestation(chance.randbytes(8), chance.randbytes(chance.randrange(40)))]))
        elif chance.random() < 0.5:
            operation = chance.choice([OpAppend, OpPrepend])(chance.randbytes(chance.randrange(1, 60)))
            grow(stamp.ops.add(operation), chance, depth - 1)
        else:
            operation = chance.choice(plain)
            if len(stamp.msg) < 1000:
                grow(stamp.ops.add(operation()), chance, depth - 1)
    if not stamp.attestations and not stamp.ops:
        stamp.attestations.add(PendingAttestation("https://c.example"))


def describe(attestation):
    if isinstance(attestation, PendingAttestation):
        return "pending " + attestation.uri
    if isinstance(attestation, BitcoinBlockHeaderAttestation):
        return "bitcoin %d" % attestation.height
    return "other " + attestation.TAG.hex()


def serialized(proof):
    context = BytesSerializationContext()
    proof.serialize(context)
    return context.getbytes().hex()


if sys.argv[1] == "make":
    chance = random.Random(int(sys.argv[2]))
    for _ in range(int(sys.argv[3])):
        stamp = Timestamp(chance.randbytes(32))
        grow(stamp, chance, 8)
        found = sorted([message.hex(), describe(attestation)] for message, attestation in stamp.all_attestations())
        print(serialized(DetachedTimestampFile(OpSHA256(), stamp)), json.dumps(found, separators=(",", ":")))
else:
    for line in open(sys.argv[2]):
        try:
            print(serialized(DetachedTimestampFile.deserialize(BytesDeserializationContext(bytes.fromhex(line.strip())))))
        except Exception:
            print("refused")
