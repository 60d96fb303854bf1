"""Was this database encrypted with these keys? A canary tells, before anything is served. Data keys: `data_keys`."""

from psms.db.queries import data_keys as queries
from psms.db.session import Database
from psms.domain.data_keys import KeyHealth
from psms.errors import Misconfigured, Undecryptable
from psms.ports import KeyWrapper

# Thirty-two bytes that are no key, wrapped as data keys are.
_CANARY = b"This key reads what PSMS stored."
_CONTEXT = {"canary": "psms"}


def refuse_wrong_keys(database: Database, keks: KeyWrapper) -> None:
    """Raise Misconfigured unless *keks* are the KEKs that everything in the database is wrapped under.

    The first process ever to ask leaves the canary, by which all others know.
    """
    _require_right(database, keks, database.ask(queries.canary) or _first_canary(database, keks))


def key_health(database: Database, keks: KeyWrapper) -> KeyHealth:
    """Return how the keys stand, for a look from outside: nothing is written. Raises as `refuse_wrong_keys` does."""
    canary = database.ask(queries.canary)
    if canary is not None:
        _require_right(database, keks, canary)
    with database.begin_claim() as session:
        former = tuple(kek_id for kek_id in queries.by_kek(session) if kek_id != keks.primary)
        most_messages = queries.most_messages(session)
    return KeyHealth(begun=canary is not None, former_keks=former, most_messages=most_messages)


def _require_right(database: Database, keks: KeyWrapper, canary: tuple[str, bytes]) -> None:
    kek_id, wrapped = canary
    with database.begin_claim() as session:
        used = set(queries.by_kek(session))
    for needed in sorted(used | {kek_id}):
        if not keks.knows(needed):
            raise Misconfigured(
                f"what is stored is encrypted under the key {needed!r}, which is not configured: add it to the file "
                "that PSMS_KEK_FILE names, and remove it only once `python -m psms keys status` shows it unused"
            )
    if not _is_canary(keks, kek_id, wrapped):
        raise Misconfigured(
            f"the key {kek_id!r} is not the one that this database was encrypted with: restore the right key to the "
            "file that PSMS_KEK_FILE names, or let DATABASE_URL name the database that belongs to this key"
        )


def rewrap_canary(database: Database, keks: KeyWrapper) -> None:
    """Wrap the canary under the primary KEK, if it is under another one."""
    found = database.ask(queries.canary)
    if found is not None and found[0] == keks.primary:
        return
    wrapped = keks.wrap(_CANARY, _CONTEXT)
    with database.begin_system() as session:
        queries.change_canary(session, keks.primary, wrapped)


def _is_canary(keks: KeyWrapper, kek_id: str, wrapped: bytes) -> bool:
    try:
        return keks.unwrap(kek_id, wrapped, _CONTEXT) == _CANARY
    except Undecryptable:
        return False


def _first_canary(database: Database, keks: KeyWrapper) -> tuple[str, bytes]:
    wrapped = keks.wrap(_CANARY, _CONTEXT)
    with database.begin_system() as session:
        queries.set_canary(session, keks.primary, wrapped)
    found = database.ask(queries.canary)
    if found is None:
        raise Misconfigured("the canary in key_canary was removed while it was read: let nobody change that table")
    return found
