"""A receiver of webhooks to build on: verifies, de-duplicates, orders, and answers before the work is done.

An example to copy, not a part of PSMS; it needs Python 3.11 and `standardwebhooks`. `take` is what your web server
calls with each request, in as many threads and processes as you like, and `work` what another thread, or one other
process, of yours calls again and again. Each endpoint has an inbox of its own:

    inbox = Inbox("events.sqlite3")
    receiver = Receiver("whsec_…", inbox)
    status = receiver.take(headers, body)                # answer with it at once
    inbox.work(lambda event, newest: print(event["type"], newest))
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

Event = dict[str, Any]
Work = Callable[[Event, bool], None]

NO_CONTENT, REFUSED = 204, 400

_TABLES = """
    CREATE TABLE IF NOT EXISTS events (
        id TEXT PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, body BLOB NOT NULL, at REAL NOT NULL,
        worked_on INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX IF NOT EXISTS waiting ON events (sequence) WHERE NOT worked_on;
    CREATE TABLE IF NOT EXISTS tickets (id TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS progress (handed_over INTEGER NOT NULL);
    INSERT INTO progress SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM progress);
"""
# One that is there already is passed over; another one with its sequence is not.
_ADD = "INSERT INTO events VALUES (?, ?, ?, ?, 0) ON CONFLICT (id) DO NOTHING"
_NEXT = "SELECT id, sequence, body, at FROM events WHERE NOT worked_on ORDER BY sequence LIMIT 1"
_NEWEST = """
    INSERT INTO tickets VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence
    WHERE excluded.sequence > sequence
"""
_GAPS = """
    WITH numbered AS (SELECT sequence, lag(sequence, 1, 0) OVER (ORDER BY sequence) AS former FROM events)
    SELECT former + 1, sequence - 1 FROM numbered WHERE sequence > former + 1 ORDER BY sequence
"""


def _ticket_of(data: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the ticket that an event tells of, and the event's place among those of the ticket; None for others."""
    return (data["ticket"]["id"], data["sequence"]) if "ticket" in data and "sequence" in data else None


def _now() -> float:
    # Kept over restarts, so by the clock on the wall.
    return time.time()  # noqa: TID251


class Inbox:
    """What was received, kept in a file: each event once, and worked on once, in the order of `webhook-sequence`."""

    def __init__(self, path: str, wait_s: float = 30.0) -> None:
        """Open the file at *path*, or make it. An event waits *wait_s* for those that are numbered before it."""
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._kept = sqlite3.connect(path, check_same_thread=False)
        self._kept.executescript(_TABLES)

    def add(self, webhook_id: str, sequence: int, body: bytes) -> bool:
        """Keep an event; False where it is there already. It has survived a crash when this returns.

        Raises ValueError where another event has its *sequence*: then this is the inbox of another endpoint.
        """
        with self._lock, self._kept:
            try:
                return bool(self._kept.execute(_ADD, (webhook_id, sequence, body, _now())).rowcount)
            except sqlite3.IntegrityError:
                raise ValueError(f"another event has sequence {sequence}: give each endpoint its own inbox") from None

    def add_pulled(self, items: Iterable[Mapping[str, Any]]) -> int:
        """Keep what `GET …/events` answered, and return how many of these were not there."""
        return sum(self.add(one["event_id"], one["sequence"], one["body"].encode()) for one in items if one["body"])

    def work(self, work: Work) -> int:
        """Hand events over to *work*, one after the other, until none is ready, and return how many that were.

        *work* gets the event, and whether its ticket is newest in it: where that is False, something later of the
        ticket has been worked on, and its state is not to be taken over. Where *work* raises, the event stays, and is
        handed over again. So is one whose work was interrupted: make what you do twice the same as once.
        """
        count = 0
        with self._working:
            while self._work_on_one(work):
                count += 1
        return count

    def _work_on_one(self, work: Work) -> bool:
        found = self._next()
        if found is None:
            return False
        webhook_id, sequence, body = found
        event = json.loads(body)
        ticket = _ticket_of(event["data"])
        # Nothing is locked meanwhile: what comes is taken, however long it takes.
        work(event, ticket is None or self._is_newest(*ticket))
        with self._lock, self._kept:
            self._kept.execute("UPDATE events SET worked_on = 1 WHERE id = ?", (webhook_id,))
            self._kept.execute("UPDATE progress SET handed_over = max(handed_over, ?)", (sequence,))
            if ticket is not None:
                self._kept.execute(_NEWEST, ticket)
        return True

    def _next(self) -> tuple[str, int, bytes] | None:
        with self._lock:
            row = self._kept.execute(_NEXT).fetchone()
            (handed_over,) = self._kept.execute("SELECT handed_over FROM progress").fetchone()
        if row is None:
            return None
        webhook_id, sequence, body, at = row
        waits = sequence > handed_over + 1 and _now() < at + self._wait_s
        return None if waits else (webhook_id, sequence, body)

    def _is_newest(self, ticket_id: str, sequence: int) -> bool:
        with self._lock:
            known = self._kept.execute("SELECT sequence FROM tickets WHERE id = ?", (ticket_id,)).fetchone()
        return known is None or known[0] < sequence

    def gaps(self) -> list[tuple[int, int]]:
        """Return the first and the last of each stretch of sequences that are missing between those that are here."""
        with self._lock:
            return self._kept.execute(_GAPS).fetchall()

    def last_sequence(self) -> int:
        """Return the highest sequence that is here, 0 where nothing is."""
        with self._lock:
            (last,) = self._kept.execute("SELECT coalesce(max(sequence), 0) FROM events").fetchone()
            return int(last)

    def ids(self) -> set[str]:
        """Return the ids of all that was received."""
        with self._lock:
            return {webhook_id for (webhook_id,) in self._kept.execute("SELECT id FROM events")}

    def close(self) -> None:
        """Close the file."""
        self._kept.close()


class Receiver:
    """Takes requests: what is signed with the endpoint's secret goes into the inbox, and everything else is refused."""

    def __init__(self, secret: str, inbox: Inbox) -> None:
        """Take the endpoint's *secret*, `whsec_…`."""
        self._webhook = Webhook(secret)
        self._inbox = inbox

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status to answer with; the names of *headers* may be in any case.

        What is raised, as for a full disk, let your web server answer with 500: then the request comes again.
        """
        named = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, named)
            webhook_id, sequence = named["webhook-id"], int(named["webhook-sequence"])
        except (WebhookVerificationError, LookupError, ValueError):
            # The library raises ValueError for a signature, or a body, that cannot be read.
            return REFUSED
        self._inbox.add(webhook_id, sequence, body)
        return NO_CONTENT
