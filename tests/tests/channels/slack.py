"""Takes messages as an incoming webhook of Slack does. Blocks are read and validated by Slack's own SDK.

Prints the port, then a line for each request.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block


def problem(message):
    """What Slack would say against it, or None."""
    if not message.get("text") and not message.get("attachments"):
        return "no_text"
    blocks = [block for attachment in message.get("attachments", []) for block in attachment.get("blocks", [])]
    if len(blocks) > 50:
        return "too many blocks"
    try:
        for block in blocks:
            read = Block.parse(block)
            if read is None:
                return f"unknown block: {block['type']}"
            if read.to_dict() != block:
                return f"unknown keys: {block}"
    except SlackObjectFormationError as error:
        return str(error)
    return None


def say(seen):
    """In one piece: requests come side by side, each in a thread of its own."""
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        wrong = problem(message)
        say({"problem": wrong, "path": self.path, "message": message})
        body = b"ok" if wrong is None else b"invalid_blocks"
        self.send_response(200 if wrong is None else 400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
