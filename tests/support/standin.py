"""A stand-in for `python -m psms`: each command behaves as the supervisor expects it, and does nothing else.

Started as `python standin.py COMMAND …`. What it should do amiss is asked for by files in PSMS_HOME: `COMMAND.fails`
has the exit status to end with at once.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


def main(name):
    home = Path(os.environ["PSMS_HOME"])
    print(f"{name} began", flush=True)
    failure = home / f"{name}.fails"
    if failure.exists():
        sys.exit(int(failure.read_text()))
    if name in {"migrate", "seed"}:
        return
    _be_ready(name)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        signal.pause()


def _be_ready(name):
    if name == "api":
        server = HTTPServer(("127.0.0.1", int(os.environ["PSMS_PORT"])), _Ready)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    if name == "flower":
        listening.append(socket.create_server(("127.0.0.1", int(os.environ["PSMS_FLOWER_PORT"]))))
    if name == "worker":
        # As prefork children, and as one that fled into a session of its own.
        subprocess.Popen(["sleep", "1000"])
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
    Path(os.environ["PSMS_READY_FILE"]).touch()


listening = []

if __name__ == "__main__":
    main(sys.argv[1])
