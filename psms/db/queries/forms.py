"""Versions of services' forms, and what their references name. What tickets are found by is kept by a trigger."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psms.db.direct import Direct
from psms.db.models.services import FormVersionRow
from psms.db.queries.visibility import condition
from psms.domain.access import Actor
from psms.domain.forms.definitions import Form, Referent
from psms.domain.forms.documents import form_of
from psms.domain.forms.filling import Named
from psms.domain.pages import PageRequest
from psms.errors import NotFound

Version = tuple[UUID, int]
"""A service and the version of its form."""

_FORMS = """
    SELECT service_id, version, definition FROM service_form_versions
    WHERE (service_id, version) IN (SELECT * FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(versions)s AS integer[])))
"""
_KNOWN = {
    Referent.USER: "SELECT FROM users x WHERE x.id = n.id",
    Referent.TEAM: "SELECT FROM teams x WHERE x.id = n.id",
    Referent.SERVICE: "SELECT FROM services x WHERE x.id = n.id {services}",
    Referent.TICKET: "SELECT FROM tickets WHERE organization_id = %(organization)s AND id = n.id {tickets}",
}
_UNKNOWN = f"""
    SELECT n.kind, n.id FROM unnest(CAST(%(kinds)s AS text[]), CAST(%(ids)s AS uuid[])) AS n (kind, id)
    WHERE NOT CASE n.kind
        {" ".join(f"WHEN '{kind.value}' THEN EXISTS ({query})" for kind, query in _KNOWN.items())} END
"""  # noqa: S608  (constants)
# What a requester may name, as `services.seen_by` has it.
_SERVICES_OF_REQUESTERS = """
    AND x.active AND (x.visibility = 'everyone' OR (x.visibility = 'teams' AND EXISTS (
        SELECT FROM memberships m WHERE m.user_id = %(user)s AND m.team_id = ANY (x.visible_team_ids))))
"""


def forms(way: Direct, wanted: Iterable[Version]) -> dict[Version, Form]:
    """Return these versions of forms, in one query."""
    pairs = sorted(set(wanted))
    values = {"ids": [one for one, _ in pairs], "versions": [version for _, version in pairs]}
    return {(row.service_id, row.version): form_of(row.version, row.definition) for row in way.records(_FORMS, values)}


def unknown(way: Direct, actor: Actor, references: Sequence[Named]) -> set[tuple[Referent, str]]:
    """Return which of these there are not, or *actor* may not see, in one query."""
    tickets = condition(actor, organization="%(organization)s", user="%(user)s")
    services = _SERVICES_OF_REQUESTERS if actor.is_requester else ""
    values = {
        "organization": actor.organization_id,
        "user": actor.user_id,
        "kinds": [one.kind.value for one in references],
        "ids": [UUID(one.id) for one in references],
    }
    rows = way.records(_UNKNOWN.format(tickets=tickets, services=services), values)
    return {(Referent(row.kind), str(row.id)) for row in rows}


def last_version(session: Session, service_id: UUID) -> int:
    """Return the number of the last version that was saved of a service's form, 0 for none."""
    statement = select(func.max(FormVersionRow.version)).where(FormVersionRow.service_id == service_id)
    return session.scalars(statement).one() or 0


def get(session: Session, service_id: UUID, version: int | None) -> FormVersionRow:
    """Return a version of a service's form, or raise NotFound."""
    model = FormVersionRow
    row = session.scalars(select(model).where(model.service_id == service_id, model.version == version)).one_or_none()
    if row is None:
        raise NotFound
    return row


def versions(session: Session, service_id: UUID, page: PageRequest) -> Sequence[FormVersionRow]:
    """Return the versions of a service's form, oldest first, one more than the page holds."""
    after = 0 if page.after is None else page.after.int
    wanted = select(FormVersionRow).where(FormVersionRow.service_id == service_id, FormVersionRow.version > after)
    return session.scalars(wanted.order_by(FormVersionRow.version).limit(page.limit + 1)).all()


def add(session: Session, **columns: Any) -> FormVersionRow:
    """Write another version of a form."""
    row = FormVersionRow(**columns)
    session.add(row)
    session.flush()
    return row
