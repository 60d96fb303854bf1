"""One change in progress: who does it, at which instant, in which transaction; what its steps share."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from psms.domain.access import Actor
from psms.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Who acts and when; *actor* is None where PSMS itself acts.

    *now* is the one instant of the change, read from the database's clock inside the transaction.
    """

    rt: Runtime
    organization_id: UUID
    actor: Actor | None
    now: datetime

    @property
    def user_id(self) -> UUID:
        """The user who acts; raises when PSMS itself does."""
        if self.actor is None:
            message = "PSMS itself acts here: there is no user"
            raise TypeError(message)
        return self.actor.user_id

    def new_id(self) -> UUID:
        """Return a new id of this instant."""
        return self.rt.chance.new_id(self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Moment):
    """What the steps of one change share: its moment and its transaction.

    *run_id* is the workflow run whose step does it, if one does. *depth* says how many automations led to it, one
    after the other.
    """

    session: Session
    run_id: UUID | None = None
    depth: int = 0


def act_of(rt: Runtime, session: Session, actor: Actor) -> Act:
    """Begin an act of *actor* at this instant; call it after the row that is changed is locked."""
    return Act(rt=rt, session=session, organization_id=actor.organization_id, actor=actor, now=rt.clock.now(session))


def act_of_system(rt: Runtime, session: Session, organization_id: UUID, now: datetime) -> Act:
    """Begin an act of PSMS itself, in a transaction that is inside *organization_id*."""
    return Act(rt=rt, session=session, organization_id=organization_id, actor=None, now=now)
