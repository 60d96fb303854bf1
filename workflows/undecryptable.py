"""What did not open is written into the trail: where it stands, once a day, not what it says. Opening: `data_keys`."""

from datetime import timedelta
from uuid import UUID

from psms.db.queries import journal
from psms.domain.encrypted_columns import EncryptedColumn
from psms.domain.logs import Outcome
from psms.ids import first_id_of
from psms.runtime import Runtime
from psms.telemetry import logger
from workflows import trail
from workflows.act import act_of_system

# Whoever reads a damaged row, or tries a delivery again and again, adds nothing to what one entry says.
_ONCE_IN = timedelta(days=1)
_ACTION = "value.decrypted"

log = logger(__name__)


def note_value(rt: Runtime, organization_id: UUID, column: EncryptedColumn, row_id: UUID) -> None:
    """Write, in a transaction of its own, that a row's value in *column* was changed, moved, or has lost its key."""
    _note(rt, organization_id, (column.table, row_id), {"column": column.column})


def note_data_key(rt: Runtime, organization_id: UUID, key_id: int) -> None:
    """Write, in a transaction of its own, that a wrapped data key was changed, or is of another place or KEK."""
    _note(rt, organization_id, ("data_keys", None), {"column": "wrapped", "row": key_id})


def _note(rt: Runtime, organization_id: UUID, target: trail.Target, facts: dict[str, str | int]) -> None:
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        refused = trail.entry(act, _ACTION, target, trail.added(facts), Outcome.DENIED)
        if not journal.insert_log_once(session, refused, first_id_of(act.now - _ONCE_IN)):
            return
    told = {"table": target[0], "row": str(target[1]), **facts}
    log.error("undecryptable", organization=str(organization_id), **told)
