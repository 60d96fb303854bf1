"""A running PSMS as a partner's program sees it: credentials, a token, and the calls that tests make."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import requests

from tests.support.ports import own_port
from tests.support.stacks import UP_COMMAND, RunningStack
from tests.support.waiting import paced


class Desk:
    """A client of a running PSMS, by the credentials that it wrote."""

    def __init__(self, home: Path) -> None:
        kept = json.loads((home / "credentials.json").read_text(encoding="utf-8"))
        self.api_url: str = kept["api_url"]
        self.credentials: dict[str, Any] = kept
        self._local = threading.local()
        self._token = self._new_token()

    def _new_token(self) -> str:
        answer = requests.post(
            f"{self.api_url}/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(self.credentials["client_id"], self.credentials["client_secret"]),
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @property
    def _session(self) -> requests.Session:
        # One connection for each thread: a session is not safe to share.
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            # A proxy of this machine has no part in it, and to look for one takes longer than most of the rest.
            session.trust_env = False
            session.headers["Authorization"] = f"Bearer {self._token}"
        return session

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request with the token."""
        return self._session.request(method, f"{self.api_url}{path}", timeout=30, **options)

    def add_endpoint(self, url: str, event_types: list[str] | None = None) -> dict[str, Any]:
        """Register a webhook endpoint and return the answer, with the secret."""
        answer = self.call("POST", "/v1/webhook-endpoints", json={"url": url, "event_types": event_types})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def file_ticket(self, subject: str) -> UUID:
        """File a ticket and return its id; anything but a 201 is an error."""
        answer = self.call("POST", "/v1/tickets", json={"subject": subject})
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    def file_tickets(self, count: int, *, per_second: float, callers: int = 4) -> list[UUID]:
        """File *count* tickets at a steady pace, whatever the answers take, and return their ids."""
        with ThreadPoolExecutor(callers) as pool:
            filed = [pool.submit(self.file_ticket, f"Ticket {n}") for n in paced(count, per_second)]
            return [ticket.result() for ticket in filed]


@contextmanager
def running_desk(home: Path, **variables: str) -> Iterator[tuple[RunningStack, Desk]]:
    """Start all of PSMS on free ports, as `make up` does, and stop it afterwards."""
    ports = {"PSMS_PORT": str(own_port()), "PSMS_FLOWER_PORT": str(own_port())}
    # The long form of a fault lasts longer than a token usually does.
    lasting = {"PSMS_TOKEN_LIFETIME_SECONDS": "86400"}
    stack = RunningStack(home, UP_COMMAND, ports | lasting | variables)
    try:
        stack.until_ready(within=90)
        yield stack, Desk(home)
    finally:
        stack.close()
