"""A caller who does not give up: the same request under the same key until it is accepted, as the API advises."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from uuid import UUID, uuid4

import requests

from tests.support.desk import Desk
from tests.support.waiting import eventually, paced

_TRY_AGAIN = {409, 503}
_PATIENCE_S = 60.0


class Filing:
    """Files tickets through whatever happens, and remembers how each request fared."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = Lock()
        self.accepted: set[UUID] = set()
        self.refused: Counter[str] = Counter()
        self.took: list[float] = []

    def file(self, subject: str, description: str = "") -> UUID:
        """File one ticket and return its id, once it was accepted."""
        key, ticket = str(uuid4()), {"subject": subject, "description": description}
        return eventually(lambda: self._tried(ticket, key), within=_PATIENCE_S, what=f"a 201 for {subject}") or UUID()

    def file_many(self, subject: str, count: int, *, per_second: float, callers: int = 4) -> set[UUID]:
        """File *count* tickets at a steady pace and return their ids."""
        with ThreadPoolExecutor(callers) as pool:
            filed = [pool.submit(self.file, f"{subject} {n}") for n in paced(count, per_second)]
            return {ticket.result() for ticket in filed}

    def _tried(self, ticket: dict[str, str], key: str) -> UUID | None:
        began = time.monotonic()
        try:
            answer = self._desk.call("POST", "/v1/tickets", json=ticket, headers={"Idempotency-Key": key})
        except requests.RequestException as problem:
            self._refused(type(problem).__name__)
            return None
        if answer.status_code in _TRY_AGAIN:
            self._refused(str(answer.status_code))
            return None
        assert answer.status_code == 201, answer.text
        ticket_id = UUID(answer.json()["id"])
        with self._lock:
            self.took.append(time.monotonic() - began)
            self.accepted.add(ticket_id)
        return ticket_id

    def _refused(self, reason: str) -> None:
        with self._lock:
            self.refused[reason] += 1
