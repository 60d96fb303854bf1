"""A partner's webhook receiver in one file: verifies, de-duplicates, prints. An example, not a part of PSMS.

Run it with `python docs/examples/partner.py SECRET [PORT]`.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
port = int(sys.argv[2]) if len(sys.argv) > 2 else 9000
seen: set[str] = set()  # a real partner keeps these where they survive a restart


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what PSMS signed, and 400 to anything else."""

    def do_POST(self) -> None:
        """Take one event. Delivery is at least once, so the same `webhook-id` may come again."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        try:
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as problem:
            print(f"refused: {problem}", flush=True)
            self.send_response(400)
        else:
            again = " (again)" if event["id"] in seen else ""
            seen.add(event["id"])
            print(f"verified: {event['type']} {event['id']}{again}", flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print events only."""


print(f"the partner listens on port {port}", flush=True)
ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
