"""Timestamp calendars and the small chain they anchor to, on loopback.

The chain is a list of real block headers (80 bytes, real double hashes, the regression network's easy target), kept in
memory. A block holds a coinbase transaction and, when digests wait, one transaction per calendar whose data output carries
their Merkle root. The node answers what the public client asks when it verifies. A calendar answers POST /digest and
GET /timestamp/HEX. The published opentimestamps and python-bitcoinlib packages write every byte of proofs and blocks.

  POST /control/mine?n=6     on the node's port: anchor what waits, then add blocks
  POST /control/reorg?n=1    drop the last n blocks; digests of dropped blocks wait again
"""
import argparse
import base64
import json
import os
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import bitcoin
from bitcoin.core import (CBlock, CBlockHeader, CMutableTransaction, COutPoint, CTransaction, CTxIn, CTxOut, b2lx, b2x, lx, x)
from bitcoin.core.script import OP_RETURN, CScript
from opentimestamps.bitcoin import make_timestamp_from_block
from opentimestamps.core.notary import PendingAttestation
from opentimestamps.core.op import OpAppend, OpPrepend, OpSHA256
from opentimestamps.core.serialize import BytesSerializationContext
from opentimestamps.core.timestamp import Timestamp, make_merkle_tree

bitcoin.SelectParams("regtest")
LOCK = threading.RLock()
TARGET = 0x7FFFFF << (8 * (0x20 - 3))
PAYEE = CScript(x("0014" + "11" * 20))


class Chain:
    def __init__(self):
        self.blocks, self.mined = [], 0
        self.mine(101)

    def mine(self, count=1, transactions=()):
        for _ in range(count):
            height, self.mined = len(self.blocks), self.mined + 1
            previous = self.blocks[-1].GetHash() if self.blocks else b"\0" * 32
            # The counter makes a block that replaces a dropped one another block.
            coinbase = CMutableTransaction([CTxIn(COutPoint(), CScript(struct.pack("<BIQ", 12, height, self.mined)))],
                                           [CTxOut(50 * 10**8, PAYEE)])
            contents = [CTransaction.from_tx(coinbase)] + list(transactions)
            root = CBlock.build_merkle_tree_from_txs(contents)[-1]
            instant = int(time.time()) - max(0, 101 - height) * 600
            nonce = 0
            while int.from_bytes(CBlockHeader(4, previous, root, instant, 0x207FFFFF, nonce).GetHash(), "little") > TARGET:
                nonce += 1
            self.blocks.append(CBlock(4, previous, root, instant, 0x207FFFFF, nonce, contents))

    def find(self, block_hash):
        for height, block in enumerate(self.blocks):
            if block.GetHash() == block_hash:
                return height, block
        raise RPCError(-5, "Block not found")


class RPCError(Exception):
    def __init__(self, code, message):
        self.code, self.message = code, message


def rpc(chain, method, parameters):
    tip = len(chain.blocks) - 1
    if method == "getblockcount":
        return tip
    if method == "getblockhash":
        if not 0 <= parameters[0] <= tip:
            raise RPCError(-8, "Block height out of range")
        return b2lx(chain.blocks[parameters[0]].GetHash())
    if method == "getblockheader":
        height, block = chain.find(lx(parameters[0]))
        if len(parameters) > 1 and not parameters[1]:
            return b2x(block.get_header().serialize())
        return {"hash": parameters[0], "height": height, "confirmations": tip - height + 1, "time": block.nTime,
                "merkleroot": b2lx(block.hashMerkleRoot)}
    raise RPCError(-32601, "Method not found")


class Calendar:
    def __init__(self, address):
        self.address, self.stamps, self.waiting, self.batches = address, {}, [], []

    def submit(self, digest):
        stamp = Timestamp(digest)
        step = stamp.ops.add(OpPrepend(struct.pack(">I", int(time.time())))).ops.add(OpAppend(os.urandom(8)))
        leaf = step.ops.add(OpSHA256())
        leaf.attestations.add(PendingAttestation(self.address))
        self.waiting.append(leaf.msg)
        return stamp

    def anchor(self, chain):
        if not self.waiting:
            return
        leaves = [Timestamp(message) for message in self.waiting]
        tip = make_merkle_tree(leaves)
        carrier = CTransaction([CTxIn(COutPoint(os.urandom(32), 0))], [CTxOut(1, PAYEE), CTxOut(0, CScript([OP_RETURN, tip.msg]))])
        chain.mine(transactions=[carrier])
        height = len(chain.blocks) - 1
        tip.merge(make_timestamp_from_block(tip.msg, chain.blocks[-1], height))
        self.stamps.update((leaf.msg, leaf) for leaf in leaves)
        self.batches.append((height, self.waiting))
        self.waiting = []

    def forget(self, height):
        for _, messages in [batch for batch in self.batches if batch[0] >= height]:
            self.waiting += messages
            for message in messages:
                del self.stamps[message]
        self.batches = [batch for batch in self.batches if batch[0] < height]


class Base(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, code, body, kind="application/octet-stream"):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def count(self):
        return int(parse_qs(urlparse(self.path).query).get("n", [1])[0])


def node_handler(chain, calendars, login):
    expected = "Basic " + base64.b64encode(login.encode()).decode()

    class Handler(Base):
        def do_POST(self):
            raw, path = self.body(), urlparse(self.path).path
            with LOCK:
                if path == "/control/mine":
                    for calendar in calendars:
                        calendar.anchor(chain)
                    chain.mine(self.count())
                    return self.reply(200, b"%d\n" % (len(chain.blocks) - 1))
                if path == "/control/reorg":
                    del chain.blocks[-self.count():]
                    for calendar in calendars:
                        calendar.forget(len(chain.blocks))
                    return self.reply(200, b"%d\n" % (len(chain.blocks) - 1))
                if self.headers.get("Authorization") != expected:
                    return self.reply(401, b"")
                call = json.loads(raw)
                try:
                    answer = {"result": rpc(chain, call["method"], call.get("params") or []), "error": None, "id": call.get("id")}
                except RPCError as error:
                    answer = {"result": None, "error": {"code": error.code, "message": error.message}, "id": call.get("id")}
            self.reply(200 if answer["error"] is None else 500, json.dumps(answer).encode() + b"\n", "application/json")

    return Handler


def calendar_handler(calendar):
    class Handler(Base):
        def do_POST(self):
            digest = self.body()
            if self.path != "/digest" or not 0 < len(digest) <= 64:
                return self.reply(404 if self.path != "/digest" else 400, b"")
            context = BytesSerializationContext()
            with LOCK:
                calendar.submit(digest).serialize(context)
            self.reply(200, context.getbytes())

        def do_GET(self):
            try:
                message = bytes.fromhex(self.path.removeprefix("/timestamp/"))
            except ValueError:
                return self.reply(400, b"")
            context = BytesSerializationContext()
            with LOCK:
                stamp = calendar.stamps.get(message)
                if stamp is None:
                    return self.reply(404, b"Pending confirmation in Bitcoin blockchain" if message in calendar.waiting else b"Not found")
                stamp.serialize(context)
            self.reply(200, context.getbytes())

    return Handler


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", type=int, required=True)
    parser.add_argument("--login", required=True)
    parser.add_argument("--ready", required=True, help="a file to make when every port is ours")
    parser.add_argument("--calendars", type=int, nargs="+", required=True)
    arguments = parser.parse_args()
    chain = Chain()
    calendars = [Calendar("http://127.0.0.1:%d" % port) for port in arguments.calendars]
    servers = [(arguments.node, node_handler(chain, calendars, arguments.login))]
    servers += [(port, calendar_handler(calendar)) for port, calendar in zip(arguments.calendars, calendars)]
    for server in [ThreadingHTTPServer(("127.0.0.1", port), handler) for port, handler in servers]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    open(arguments.ready, "w").close()
    threading.Event().wait()


if __name__ == "__main__":
    main()
