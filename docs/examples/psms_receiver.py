"""A receiver of webhooks to build on: verifies, de-duplicates, orders, and answers before the work is done.

An example to copy, not a part of PSMS; it needs Python 3.11 and `standardwebhooks`. `take` is what your web server
calls with each request, and `work` what another thread or process of yours calls again and again:

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
_NEXT = "SELECT id, sequence, body, at FROM events WHERE NOT worked_on ORDER BY sequence LIMIT 1"
_NEWEST = """
    INSERT INTO tickets VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence
    WHERE excluded.sequence > sequence
"""
_GAPS = """
    WITH numbered AS (SELECT sequence, lag(sequence, 1, 0) OVER (ORDER BY sequence) AS former FROM events)
    SELECT former + 1, sequence - 1 FROM numbered WHERE sequence > former + 1 ORDER BY sequence
"""


def _now() -> float:
    # Kept over restarts, so by the clock on the wall.
    return time.time()  # noqa: TID251


class Inbox:
    """What was received, kept in a file: each event once, and worked on once, in the order of `webhook-sequence`."""

    def __init__(self, path: str, wait_s: float = 30.0) -> None:
        """Open the file at *path*, or make it. An event waits *wait_s* for those that are numbered before it."""
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._kept = sqlite3.connect(path, check_same_thread=False)
        self._kept.executescript(_TABLES)

    def add(self, webhook_id: str, sequence: int, body: bytes) -> bool:
        """Keep an event; False where it is there already. It has survived a crash when this returns."""
        with self._lock, self._kept:
            values = (webhook_id, sequence, body, _now())
            return bool(self._kept.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, 0)", values).rowcount)

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
        while self._work_on_one(work):
            count += 1
        return count

    def _work_on_one(self, work: Work) -> bool:
        with self._lock, self._kept:
            row = self._kept.execute(_NEXT).fetchone()
            if row is None:
                return False
            webhook_id, sequence, body, at = row
            (handed_over,) = self._kept.execute("SELECT handed_over FROM progress").fetchone()
            if sequence > handed_over + 1 and _now() < at + self._wait_s:
                return False
            event = json.loads(body)
            work(event, self._note_ticket(event["data"]))
            self._kept.execute("UPDATE events SET worked_on = 1 WHERE id = ?", (webhook_id,))
            self._kept.execute("UPDATE progress SET handed_over = max(handed_over, ?)", (sequence,))
            return True

    def _note_ticket(self, data: Mapping[str, Any]) -> bool:
        if "ticket" not in data or "sequence" not in data:
            return True
        return bool(self._kept.execute(_NEWEST, (data["ticket"]["id"], data["sequence"])).rowcount)

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
        """Return the status to answer with; the names of *headers* may be in any case."""
        named = {name.lower(): value for name, value in headers.items()}
        try:
            self._webhook.verify(body, named)
        except WebhookVerificationError:
            return REFUSED
        self._inbox.add(named["webhook-id"], int(named["webhook-sequence"]), body)
        return NO_CONTENT
