"""A PagerDuty for tests: a real HTTP server that checks requests as its Events API v2 does, and keeps incidents."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from typing_extensions import override

_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass(slots=True, kw_only=True)
class Incident:
    """What one dedup key stands for: where it stands, and how often it was triggered."""

    state: str = "triggered"
    triggers: int = 0
    payloads: list[dict[str, Any]] = field(default_factory=list)


class PagerDuty:
    """The server, on a port of its own while its `with` block lasts. It knows one routing key.

    *answers* are statuses given, in turn, before it begins to work; *echoes* has it send back what it was sent.
    """

    def __init__(self, routing_key: str, *answers: int, echoes: bool = False) -> None:
        self.routing_key, self.echoes = routing_key, echoes
        self.answers = list(answers)
        self.incidents: dict[str, Incident] = {}
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        desk = self

        class _Desk(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with suppress(OSError):
                    self._say(*desk.judge(self.path, body, {k.lower(): v for k, v in self.headers.items()}))

            def _say(self, status: int, answer: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            @override
            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Desk)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """Where events are sent to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v2/enqueue"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def judge(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Return status and body of the answer, after doing what was asked."""
        with self.lock:
            request = json.loads(body)
            self.requests.append(request)
            self.headers.append(headers)
            if self.answers:
                return self.answers.pop(0), body if self.echoes else b'{"status": "throttled"}'
            wrong = self._wrong_with(path, request)
            if wrong:
                return 400, json.dumps({"status": "invalid event", "errors": wrong}).encode()
            self._do(request)
        return 202, json.dumps({"status": "success", "dedup_key": request["dedup_key"]}).encode()

    def _wrong_with(self, path: str, request: dict[str, Any]) -> list[str]:
        wrong = [] if path == "/v2/enqueue" else ["path"]
        wrong += [] if request.get("routing_key") == self.routing_key else ["routing_key"]
        wrong += [] if request.get("event_action") in {"trigger", "acknowledge", "resolve"} else ["event_action"]
        wrong += [] if 0 < len(request.get("dedup_key", "")) <= 255 else ["dedup_key"]
        if request.get("event_action") == "trigger":
            payload = request.get("payload", {})
            wrong += [] if 0 < len(payload.get("summary", "")) <= 1024 else ["summary"]
            wrong += [] if payload.get("source") else ["source"]
            wrong += [] if payload.get("severity") in _SEVERITIES else ["severity"]
        return wrong

    def _do(self, request: dict[str, Any]) -> None:
        key, action = request["dedup_key"], request["event_action"]
        incident = self.incidents.get(key)
        if action == "trigger":
            if incident is None or incident.state == "resolved":
                incident = self.incidents[key] = Incident()
            incident.triggers += 1
            incident.payloads.append(request["payload"])
        elif incident is not None and incident.state != "resolved":
            incident.state = f"{action}d"
