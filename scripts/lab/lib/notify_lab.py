"""notify_lab.py DIR MAIL_PORT OPEN_PORT HOOK_PORT SECRET: a mail server and a receiver of webhooks, which keep what they are sent.

Mail needs STARTTLS and the log-in lab:lab. A recipient named bounce-* is refused for good (550), later-* for now (451); any
other's message is DIR/mail/NNNN.eml. The server at OPEN_PORT has no TLS and keeps what it gets in DIR/open. Webhooks to /ok are kept as DIR/hooks/NNNN.json, those to /twice after 503 to the first two
of each delivery, /no always answers 500. A signature that does not verify under SECRET, or is older than five minutes of the
sender's own clock, is answered 401 and kept as DIR/hooks/NNNN.bad.
"""
import asyncio, hashlib, hmac, http.server, json, pathlib, ssl, sys, threading
from aiosmtpd.smtp import SMTP, AuthResult

folder, secret = pathlib.Path(sys.argv[1]), sys.argv[5].encode()
mail_port, open_port, hook_port = (int(port) for port in sys.argv[2:5])
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(folder / 'ca.pem', folder / 'key.pem')


class Mail:
    def __init__(self, name):
        self.count, self.folder = 0, folder / name

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('bounce-'):
            return '550 5.1.1 no such user'
        if address.startswith('later-'):
            return '451 4.7.1 try again later'
        envelope.rcpt_tos.append(address)
        return '250 2.1.5 OK'

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        place = self.folder / f'{self.count:04}'
        place.with_suffix('.new').write_bytes(envelope.content)
        place.with_suffix('.new').rename(place.with_suffix('.eml'))
        return '250 2.0.0 kept'


def is_known(server, session, envelope, mechanism, data):
    if not session.ssl:
        (folder / 'open' / 'login.login').write_text('somebody gave a password in the open')
    return AuthResult(success=(data.login, data.password) == (b'lab', b'lab'))


class Hook(http.server.BaseHTTPRequestHandler):
    count, tries, lock = 0, {}, threading.Lock()

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers['content-length']), 1 << 20))
        fields = dict(part.split('=', 1) for part in self.headers['martlet-signature'].split(','))
        right = hmac.new(secret, fields['t'].encode() + b'.' + body, hashlib.sha256).hexdigest()
        delivery = self.path + self.headers['martlet-delivery']
        with Hook.lock:
            Hook.tries[delivery] = Hook.tries.get(delivery, 0) + 1
            if not hmac.compare_digest(right, fields['v1']):
                status, kind = 401, 'bad'
            elif self.path == '/no' or (self.path == '/twice' and Hook.tries[delivery] <= 2):
                status, kind = (500 if self.path == '/no' else 503), None
            else:
                status, kind = 204, 'json'
            if kind:
                Hook.count += 1
                place = folder / 'hooks' / f'{Hook.count:04}.new'
                place.write_bytes(body)
                place.rename(place.with_suffix('.' + kind))
        self.send_response(status)
        self.send_header('content-length', '0')
        self.end_headers()

    def log_message(self, *arguments):
        pass


async def main():
    hooks = http.server.ThreadingHTTPServer(('127.0.0.1', hook_port), Hook)
    hooks.socket = tls.wrap_socket(hooks.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    sink, open_sink = Mail('mail'), Mail('open')
    await asyncio.get_running_loop().create_server(
        lambda: SMTP(open_sink, hostname='lab', authenticator=is_known, auth_require_tls=False), '127.0.0.1', open_port)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, hostname='lab', tls_context=tls, require_starttls=True, auth_required=True, authenticator=is_known),
        '127.0.0.1', mail_port)
    (folder / 'ready').write_text(json.dumps([mail_port, open_port, hook_port]))
    async with server:
        await server.serve_forever()

asyncio.run(main())
