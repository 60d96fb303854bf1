"""What operators do with keys: count, rotate and shred. Re-encryption of what they encrypted: `reencryption`."""

from collections.abc import Iterator
from uuid import UUID

from psms.crash import CrashPoint, crash_point
from psms.db.models.accounts import ClientRow, OrganizationRow
from psms.db.models.webhooks import EndpointRow
from psms.db.queries import data_keys as queries
from psms.db.queries import endpoints, lanes, records
from psms.domain.data_keys import KekUse, KeyStatus, Shredded, WrappedKey
from psms.domain.encryption import ROTATED, Purpose, key_context
from psms.runtime import Runtime
from workflows import reencryption, trail
from workflows.act import act_of_system
from workflows.canary import rewrap_canary
from workflows.data_keys import add_next_keys, renewed_keyring, unwrapped

_BATCH = 500


def status(rt: Runtime) -> KeyStatus:
    """Return which KEKs are in use, and how many values are in clear or under a former data key."""
    with rt.db.begin_claim() as session:
        used = queries.by_kek(session)
        shredded = queries.count_shredded(session)
        most_messages = queries.most_messages(session)
    primary, keks = rt.vault.keks.primary, rt.vault.keks
    return KeyStatus(
        keks=[
            KekUse(kek_id=name, data_keys=used.get(name, 0), known=keks.knows(name), primary=name == primary)
            for name in sorted(used | {primary: 0})
        ],
        shredded=shredded,
        outdated=reencryption.count_outdated(rt),
        most_messages=most_messages,
    )


def rotate_kek(rt: Runtime) -> int:
    """Wrap every data key under the primary KEK, and return how many were under another one.

    What they encrypted stays as it is. Each key is a transaction of its own, so whoever is cut short begins again
    and finds the rest; nothing is unreadable meanwhile for a process that is configured with both KEKs.
    """
    total, count = 0, 1
    while count:
        count = sum(_rewrapped(rt, organization_id, key_id) for organization_id, key_id in _under_another_kek(rt))
        total += count
    rewrap_canary(rt.db, rt.vault.keks)
    return total


def rotate_data_keys(rt: Runtime, organization_id: UUID) -> None:
    """Give an organization a new data key for each purpose; what is written from now on uses it.

    Processes that hold the former ones go on writing with them for ten minutes at most; all of them are kept, to
    read with. Raises NotFound, and KeysShredded.
    """
    require_organization(rt, organization_id)
    add_next_keys(rt, organization_id, ROTATED)
    renewed_keyring(rt, organization_id)
    with rt.db.begin(organization_id) as session:
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        trail.note(act, "data_keys.rotated", ("organization", organization_id))


def rotate_worn(rt: Runtime) -> int:
    """Rotate the data keys of organizations in which one has encrypted 2**28 values, and return of how many."""
    with rt.db.begin_claim() as session:
        worn = queries.worn(session, _BATCH)
    for organization_id in worn:
        rotate_data_keys(rt, organization_id)
    return len(worn)


def shred(rt: Runtime, organization_id: UUID) -> Shredded:
    """Destroy an organization's data keys: whatever they encrypted is lost, in every copy and backup of it.

    Its clients are deactivated and its endpoints deleted in the same transaction. Raises NotFound.
    """
    require_organization(rt, organization_id)
    # What is still in clear must not outlive the keys.
    reencryption.reencrypt_organization(rt, organization_id, _BATCH)
    with rt.db.begin(organization_id) as session:
        open_endpoints = [row.id for row in endpoints.visible(session)]
        lanes.lock(session, organization_id, open_endpoints)
        act = act_of_system(rt, session, organization_id, rt.clock.now(session))
        for endpoint_id in open_endpoints:
            row = records.lock(session, EndpointRow, endpoint_id, None)
            row.state = "deleted"
            records.touch(row, act.now)
            lanes.remove(session, organization_id, endpoint_id)
        clients = records.all_of(session, ClientRow, ClientRow.active.is_(True))
        for client in clients:
            client.active = False
            records.touch(client, act.now)
        shredded = Shredded(
            organization_id=organization_id,
            data_keys=queries.shred(session, act.now),
            clients=len(clients),
            endpoints=len(open_endpoints),
        )
        changes = trail.added({"data_keys": shredded.data_keys, "clients": shredded.clients})
        trail.note(act, "organization.shredded", ("organization", organization_id), changes)
        session.flush()
    renewed_keyring(rt, organization_id)
    return shredded


def _under_another_kek(rt: Runtime) -> Iterator[tuple[UUID, int]]:
    after = (UUID(int=0), 0)
    while True:
        with rt.db.begin_claim() as session:
            batch = queries.under_another_kek(session, rt.vault.keks.primary, after, _BATCH)
        for row in batch:
            yield row.organization_id, row.id
        if len(batch) < _BATCH:
            return
        after = (batch[-1].organization_id, batch[-1].id)


def _rewrapped(rt: Runtime, organization_id: UUID, key_id: int) -> bool:
    with rt.db.begin(organization_id) as session:
        key = next(key for key in queries.of_organization(session) if key.id == key_id)
    if key.wrapped is None or key.kek_id == rt.vault.keks.primary:
        return False
    wrapped = rt.vault.keks.wrap(unwrapped(rt, organization_id, key), _context(organization_id, key))
    with rt.db.begin(organization_id) as session:
        changed = queries.rewrap(session, key, rt.vault.keks.primary, wrapped)
    crash_point(CrashPoint.KEK_ROTATED)
    return changed


def _context(organization_id: UUID, key: WrappedKey) -> dict[str, str]:
    return key_context(organization_id, Purpose(key.purpose))


def require_organization(rt: Runtime, organization_id: UUID) -> None:
    """Raise NotFound unless there is such an organization."""
    with rt.db.begin(organization_id) as session:
        records.get(session, OrganizationRow, organization_id)
