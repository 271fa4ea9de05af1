"""A mail server on a free port: prints the port, then each message that it takes as a line of JSON."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode()
        if "bounce" in text:
            return "550 5.7.1 never"
        if "later" in text:
            return "451 4.7.1 not now"
        seen = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None, "text": text}
        print(json.dumps(seen), flush=True)
        return "250 2.0.0 taken as 42"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"ada", b"pa55word"), handled=False)


async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    options = {"tls_context": context, "authenticator": authenticate, "auth_required": context is not None}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="localhost", auth_require_tls=True, **options), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
