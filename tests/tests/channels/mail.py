"""A mail server that reads what it takes with Python's own parser: prints the port, then each mail as a line of JSON.

Options: --cert CERTIFICATE KEY (STARTTLS), --implicit (TLS from the first byte), --login USER PASSWORD, --idle SECONDS
(connections that say nothing are closed, which is printed as well).

A subject with `bounce` is refused for good. One with `later` is not taken, with `hang` never answered, and with `closing`
ends the connection, the first time that it comes. The recipient `refused` is refused for good, `grey` the first time.
"""

import argparse
import asyncio
import json
import ssl
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

parser = argparse.ArgumentParser()
parser.add_argument("--cert", nargs=2)
parser.add_argument("--implicit", action="store_true")
parser.add_argument("--login", nargs=2)
parser.add_argument("--idle", type=float, default=300)
options = parser.parse_args()

seen = set()


def first(what):
    return not (what in seen or seen.add(what))


class Server(SMTP):
    def connection_lost(self, error):
        super().connection_lost(error)
        if options.idle < 300:
            print(json.dumps({"closed": True}), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused@"):
            return "550 5.1.1 nobody has this address"
        if address.startswith("grey@") and first(address):
            return "451 4.7.1 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        identifier = mail["message-id"]
        subject = mail["subject"]
        again = not first(identifier)
        if "bounce" in subject:
            return "550 5.7.1 never"
        if "later" in subject and not again:
            return "451 4.7.1 not now"
        if "hang" in subject and not again:
            await asyncio.sleep(3600)
        if "closing" in subject and not again:
            asyncio.get_running_loop().call_later(0.05, server.transport.close)
            return "421 4.3.2 closing for maintenance"
        bodies = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        defects = [type(defect).__name__ for part in mail.walk() for defect in part.defects]
        headers = {name: [str(value) for value in mail.get_all(name)] for name in mail.keys()}
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": headers,
            "bodies": bodies,
            "defects": defects,
            "longest": max(len(line) for line in envelope.content.split(b"\r\n")),
            "again": again,
            "tls": server.transport.get_extra_info("ssl_object") is not None or session.ssl is not None,
            "login": session.authenticated,
            "connection": session.peer[1],
        }
        print(json.dumps(line), flush=True)
        return "250 2.0.0 taken as 42"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=[data.login.decode(), data.password.decode()] == options.login, handled=False)


async def main():
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.cert)
    settings = {
        "hostname": "localhost",
        "timeout": options.idle,
        "tls_context": None if options.implicit else context,
        "authenticator": authenticate,
        "auth_required": options.login is not None,
        "auth_require_tls": not options.implicit,
    }
    server = await asyncio.get_running_loop().create_server(
        lambda: Server(Handler(), **settings), "127.0.0.1", 0, ssl=context if options.implicit else None
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
