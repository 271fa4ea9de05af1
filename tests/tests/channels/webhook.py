"""Takes web hooks and verifies them: HMAC with the official library, Ed25519 with `cryptography`.

Arguments: the secret (whsec_...), and if wanted the public key (whpk_...). Prints the port, then a line for each request.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
public = base64.b64decode(sys.argv[2].removeprefix("whpk_")) if len(sys.argv) > 2 else None


def asymmetric(headers, body):
    """How many signatures of version v1a are right."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = 0
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1a":
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(value), content)
                right += 1
            except InvalidSignature:
                pass
    return right


def say(seen):
    """In one piece: requests come side by side, each in a thread of its own."""
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            webhook.verify(body, headers, json_parse=False)
            verified = True
        except WebhookVerificationError as error:
            verified = str(error)
        seen = {"verified": verified, "headers": headers, "body": body.decode()}
        if public is not None:
            seen["asymmetric"] = asymmetric(headers, body)
        say(seen)
        self.send_response(204 if verified is True else 400)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
