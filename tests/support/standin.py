"""A stand-in for `python -m psms`: each command behaves as the supervisor expects it, and does nothing else.

Started as `python standin.py COMMAND …`. What it should do amiss is asked for by files in PSMS_HOME:
`COMMAND.fails` holds the exit status to end with at once, `COMMAND.stubborn` makes it deaf to SIGTERM.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from typing_extensions import override

_IDLE = (sys.executable, "-c", "import signal; signal.pause()")


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    @override
    def log_message(self, *arguments):
        """Say nothing."""


def main(name):
    home = Path(os.environ["PSMS_HOME"])
    print(f"{name} began", flush=True)  # noqa: T201 (what the supervisor is to pass on)
    failure = home / f"{name}.fails"
    if failure.exists():
        sys.exit(int(failure.read_text()))
    if name in {"migrate", "seed"}:
        return
    _be_ready(name)
    stubborn = (home / f"{name}.stubborn").exists()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: sys.exit(0))
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
        subprocess.Popen(_IDLE)
        subprocess.Popen(_IDLE, start_new_session=True)
    Path(os.environ["PSMS_READY_FILE"]).touch()


listening: list[socket.socket] = []

if __name__ == "__main__":
    main(sys.argv[1])
