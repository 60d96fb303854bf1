"""A running system, a partner and callers that do not give up: the stage of a fault, and what must hold after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import requests

from tests.support.desk import Desk, running_desk
from tests.support.filing import Filing
from tests.support.ledger import Ledger, ledger_of
from tests.support.receiver import Receiver
from tests.support.stacks import RunningStack
from tests.support.waiting import eventually

_REST_S = 60.0
_IDS = "SELECT id FROM tickets WHERE starts_with(subject, %s)"
_EVENTS = "SELECT e.id FROM events e JOIN tickets t ON t.id = e.ticket_id WHERE starts_with(t.subject, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running system and its database."""

    stack: RunningStack
    desk: Desk
    ledger: Ledger

    @property
    def home(self) -> Path:
        """Its PSMS_HOME."""
        return self.stack.home


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One test on a stage: a partner who hears of everything, and tickets that share a subject."""

    stage: Stage
    partner: Receiver
    endpoint_id: str
    filing: Filing
    subject: str

    def file(self, count: int, *, per_second: float = 20, callers: int = 4) -> None:
        """File tickets, through whatever happens, until each was accepted."""
        self.filing.file_many(self.subject, count, per_second=per_second, callers=callers)

    def until_rest(self) -> None:
        """Return when nothing waits, nothing is missing and nothing is doubled."""
        ledger = self.stage.ledger
        eventually(lambda: not ledger.breaches(), within=_REST_S, what=f"rest, without {ledger.breaches()}")

    def assert_nothing_lost_or_doubled(self, accepted: int) -> None:
        """Wait for rest, then compare what callers were told with what is there and what the partner got."""
        self.until_rest()
        ledger = self.stage.ledger
        received = {UUID(webhook_id) for webhook_id in self.partner.distinct_ids()}
        assert {UUID(str(row[0])) for row in ledger.rows(_IDS, self.subject)} == self.filing.accepted
        assert len(ledger.created(self.subject)) == len(self.filing.accepted) == accepted
        assert received == {UUID(str(row[0])) for row in ledger.rows(_EVENTS, self.subject)}


@contextmanager
def running_stage(home: Path, **variables: str) -> Iterator[Stage]:
    """Start all of PSMS on *home* with leases of 4 s, unless *variables* say otherwise."""
    with running_desk(home, **{"PSMS_LEASE_SECONDS": "4", **variables}) as (stack, desk):
        yield Stage(stack=stack, desk=desk, ledger=ledger_of(home))


@contextmanager
def scene_on(stage: Stage, path: str = "/hook") -> Iterator[Scene]:
    """Lend a partner who hears of everything that happens until the end of the block."""
    with Receiver() as partner:
        endpoint_id = str(stage.desk.add_endpoint(partner.url(path))["id"])
        try:
            yield Scene(
                stage=stage,
                partner=partner,
                endpoint_id=endpoint_id,
                filing=Filing(stage.desk),
                subject=str(uuid4()),
            )
        finally:
            # Whatever came of it: the next scene's rest must not wait for this one's partner.
            eventually(lambda: _is_deleted(stage, endpoint_id), within=_REST_S, what="an API that deletes the endpoint")


def _is_deleted(stage: Stage, endpoint_id: str) -> bool:
    """Ask for an endpoint to be deleted; False where the API is being started anew."""
    try:
        answer = stage.desk.call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")
    except requests.ConnectionError:
        return False
    return answer.status_code in {204, 404}
