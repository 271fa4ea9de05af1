"""A mail server that reads what it takes with Python's own parser: prints the port, then each mail as a line of JSON.

A subject with `bounce` is refused for good, one with `later` the first time it comes.
"""

import asyncio
import json
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP

seen = set()


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        identifier = mail["message-id"]
        if "bounce" in mail["subject"]:
            return "550 5.7.1 never"
        if "later" in mail["subject"] and identifier not in seen:
            seen.add(identifier)
            return "451 4.7.1 not now"
        bodies = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
        defects = [type(defect).__name__ for part in mail.walk() for defect in part.defects]
        headers = {name: [str(value) for value in mail.get_all(name)] for name in mail.keys()}
        line = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": headers,
            "bodies": bodies,
            "defects": defects,
            "again": identifier in seen,
        }
        print(json.dumps(line), flush=True)
        return "250 2.0.0 taken as 42"


async def main():
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="localhost"), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
