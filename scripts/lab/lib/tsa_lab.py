"""An RFC 3161 time-stamping authority on loopback, good and bad: POST /PROFILE with a TimeStampReq.

`openssl ts -reply` makes the answers. It refuses to sign with certificates that are not for time-stamping, so the answers of
those profiles carry the same TSTInfo signed by `openssl cms -sign` instead. Python's cryptography makes the certificates.

Profiles that must be taken: rsa, ecdsa, p384, sha1id, pss, keyid. To be refused: every other.
"""
import datetime
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DIR, PORT = sys.argv[1], int(sys.argv[2])
NOW = datetime.datetime.utcnow()
DAY = datetime.timedelta(days=1)
STAMPING, CLIENT = ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CLIENT_AUTH
LOCK = threading.Lock()


def issue(name, issuer=None, key=None, authority=False, usage=None, critical=True, key_usage=None, begin=NOW - 30 * DAY, end=NOW + 30 * DAY):
    """Writes NAME.key, NAME.pem (the certificate) and NAME.chain (those between it and the root); returns (certificate, key, chain)."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lab " + name)])
    above = issuer or (None, key, [])
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(above[0].subject if issuer else subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
               .add_extension(x509.BasicConstraints(authority, None), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical)
    if key_usage:
        flags = dict.fromkeys(["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                               "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"], False)
        builder = builder.add_extension(x509.KeyUsage(**{**flags, **dict.fromkeys(key_usage, True)}), True)
    certificate = builder.sign(above[1], hashes.SHA256())
    chain = [certificate] + above[2] if issuer else []
    for ending, members in ((".pem", [certificate]), (".chain", above[2])):
        open(path(name + ending), "wb").write(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in members))
    open(path(name + ".key"), "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                           serialization.NoEncryption()))
    return certificate, key, chain


def path(name):
    return os.path.join(DIR, name)


def make_certificates():
    root = issue("root", authority=True, key_usage=["key_cert_sign", "crl_sign"])
    middle = issue("middle", root, authority=True, key_usage=["key_cert_sign"])
    strange = rsa.generate_private_key(65537, 2048)
    signing = dict(usage=[STAMPING], key_usage=["digital_signature"])
    issue("rsa", middle, key=strange, **signing)
    issue("pss", middle, key=strange, **signing)
    issue("p384", middle, key=ec.generate_private_key(ec.SECP384R1()), **signing)
    for name in ["ecdsa", "sha1id", "keyid", "reject", "othernonce", "nononce", "otherimprint", "nocert", "namesother", "misnamed", "flipped", "sha1"]:
        issue(name, middle, **signing)
    issue("expired", middle, end=NOW - DAY, **signing)
    issue("future", middle, begin=NOW + DAY, **signing)
    issue("nousage", middle, key_usage=["digital_signature"])
    issue("loose", middle, critical=False, **signing)
    issue("double", middle, usage=[STAMPING, CLIENT], key_usage=["digital_signature"])
    issue("keyusage", middle, usage=[STAMPING], key_usage=["digital_signature", "key_encipherment"])
    issue("oldmiddle", issue("oldauthority", root, authority=True, end=NOW - DAY), **signing)
    issue("leafmiddle", issue("notauthority", root), **signing)
    issue("clientmiddle", issue("clientauthority", root, authority=True, usage=[CLIENT]), **signing)
    issue("stranger", issue("other", authority=True), **signing)


def run(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def configuration(profile, is_named=True):
    name = path(profile + ".cnf")
    # openssl refuses an empty file.
    chain = "certs = " + path(profile + ".chain") if os.path.getsize(path(profile + ".chain")) else ""
    with open(name, "w") as file:
        file.write("""[tsa]
default_tsa = lab
[lab]
serial = %s
signer_cert = %s
signer_key = %s
%s
default_policy = 1.2.3.4.1
digests = %s
signer_digest = %s
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = %s
ess_cert_id_alg = %s
""" % (path("serial"), path(profile + ".pem"), path(profile + ".key"), chain,
       "sha512" if profile == "reject" else "sha256", "sha384" if profile == "p384" else "sha256",
       "yes" if is_named else "no", "sha1" if profile == "sha1id" else "sha256"))
    return name


def reply(profile, request):
    with LOCK, tempfile.TemporaryDirectory() as work:
        query, token, info = (os.path.join(work, name) for name in ("query", "token", "info"))
        if profile == "othernonce":
            request = request[:-11] + bytes([request[-11] ^ 1]) + request[-10:]
        if profile == "otherimprint":
            place = request.index(b"\x04\x20") + 5
            request = request[:place] + bytes([request[place] ^ 1]) + request[place + 1:]
        if profile == "nononce":
            # Sequence header, then all but the nonce (10 bytes before the last 3).
            request = bytes([0x30, request[1] - 10]) + request[2:-13] + request[-3:]
        if profile == "nocert":
            request = bytes([0x30, request[1] - 3]) + request[2:-3]
        open(query, "wb").write(request)
        by_cms = profile in ("pss", "keyid", "nousage", "loose", "double", "keyusage", "namesother", "misnamed", "sha1")
        if not by_cms:
            answer = run("ts", "-reply", "-config", configuration(profile), "-queryfile", query)
            return answer[:-1] + bytes([answer[-1] ^ 1]) if profile == "flipped" else answer
        named = configuration("ecdsa", is_named=profile == "misnamed")
        open(token, "wb").write(run("ts", "-reply", "-config", named, "-queryfile", query, "-token_out"))
        run("cms", "-verify", "-in", token, "-inform", "DER", "-noverify", "-nosigs", "-out", info)
        options = {"pss": ["-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:digest"], "keyid": ["-keyid"]}.get(profile, [])
        options += [] if profile == "namesother" else ["-cades"]
        signed = run("cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-econtent_type", "1.2.840.113549.1.9.16.1.4",
                     "-in", info, "-signer", path(profile + ".pem"), "-inkey", path(profile + ".key"), "-certfile", path("middle.pem"),
                     "-md", "sha1" if profile == "sha1" else "sha256", *options)
        body = bytes.fromhex("3003020100") + signed
        return b"\x30\x82" + len(body).to_bytes(2, "big") + body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        request = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Type") != "application/timestamp-query" or not os.path.exists(path(self.path[1:] + ".key")):
            return self.answer(404, b"")
        try:
            self.answer(200, reply(self.path[1:], request))
        except subprocess.CalledProcessError as error:
            print(self.path, error.stderr.decode(), file=sys.stderr, flush=True)
            self.answer(500, error.stderr)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
make_certificates()
open(path("serial"), "w").write("01\n")
open(path("ready"), "w").close()
server.serve_forever()
