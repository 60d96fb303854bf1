"""Calendars, policies and their versions: read as one book, by version, and written. Clocks are in `sla`.

Every statement sees one organization, the transaction's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psms.db.direct import Direct, Record, direct
from psms.db.models.sla_books import CalendarVersionRow, SlaPolicyVersionRow
from psms.domain.approvals import StepDocument
from psms.domain.pages import PageRequest
from psms.domain.priorities import MatrixDocument
from psms.domain.sla.calendar_definitions import CalendarDefinitionDocument
from psms.domain.sla.policy_checks import Kind, Reference
from psms.domain.sla.policy_documents import PolicyDocument

# One statement, so that what it reads is of the revision that it reads.
_BOOK = """
    SELECT o.sla_revision AS revision, o.priority_matrix,
        (SELECT coalesce(max(r.revision), 0) FROM sla_rebases r
            WHERE r.organization_id = o.id AND r.revision > 0) AS last_edit,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name, 'version', p.definition_version,
                'definition', v.definition) ORDER BY p.position, p.id DESC), '[]')
            FROM sla_policies p JOIN sla_policy_versions v
                ON v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version
            WHERE p.organization_id = o.id AND p.active) AS policies,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'version', c.definition_version,
                'definition', v.definition)), '[]')
            FROM calendars c JOIN calendar_versions v
                ON v.organization_id = c.organization_id AND v.calendar_id = c.id AND v.version = c.definition_version
            WHERE c.organization_id = o.id) AS calendars,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'active', s.active, 'visibility', s.visibility,
                'visible_team_ids', s.visible_team_ids, 'default_team_id', s.default_team_id,
                'sla_policy_id', s.sla_policy_id, 'form_version', s.form_version)), '[]')
            FROM services s WHERE s.organization_id = o.id AND (NOT s.active OR s.visibility <> 'everyone'
                OR num_nonnulls(s.default_team_id, s.sla_policy_id, s.form_version) > 0)) AS services,
        (SELECT coalesce(jsonb_object_agg(s.id, s.approval_chain), '{}') FROM services s
            WHERE s.organization_id = o.id AND s.approval_chain IS NOT NULL) AS chains
    FROM organizations o
"""
_REVISION = "SELECT sla_revision FROM organizations"
_CALENDAR_VERSIONS = """
    SELECT calendar_id AS id, version, definition FROM calendar_versions
    WHERE (calendar_id, version) IN (SELECT * FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(versions)s AS integer[])))
"""
_POLICY_VERSIONS = """
    SELECT policy_id AS id, version, definition FROM sla_policy_versions
    WHERE (policy_id, version) IN (SELECT * FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(versions)s AS bigint[])))
"""
# References by others go on meanwhile; of two who save, the second waits for the first.
_LOCK = text("SELECT sla_revision FROM organizations WHERE id = :organization_id FOR NO KEY UPDATE")
_TURN = text("UPDATE organizations SET sla_revision = sla_revision + 1 WHERE id = :organization_id")
_ACTIVE_CALENDARS = text("SELECT count(*) FROM calendars WHERE active")
_ACTIVE_POLICIES = text("SELECT count(*) FROM sla_policies WHERE active")
_IS_USED = text("""
    SELECT EXISTS (SELECT FROM sla_policies p JOIN sla_policy_versions v
        ON v.organization_id = p.organization_id AND v.policy_id = p.id AND v.version = p.definition_version
        WHERE jsonb_path_exists(v.definition, '$.targets.*.calendar_id ? (@ == $id)',
            jsonb_build_object('id', CAST(:calendar_id AS text))))
""")
_UNKNOWN = text("""
    SELECT n.kind, n.id FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS n (kind, id)
    WHERE NOT CASE n.kind
        WHEN 'service' THEN EXISTS (SELECT FROM services s WHERE s.id = n.id)
        WHEN 'calendar' THEN EXISTS (SELECT FROM calendars c WHERE c.id = n.id AND c.active)
        WHEN 'user' THEN EXISTS (SELECT FROM users u WHERE u.id = n.id)
        WHEN 'team' THEN EXISTS (SELECT FROM teams t WHERE t.id = n.id) END
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRecord:
    """A policy as a book's statement reads it."""

    id: UUID
    name: str
    version: int
    definition: PolicyDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRecord:
    """A calendar's version as a book's statement reads it."""

    id: UUID
    version: int
    definition: CalendarDefinitionDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """What is special of a service, as a book's statement reads it; of a former book only its policy is known."""

    id: UUID
    sla_policy_id: UUID | None
    active: bool = True
    visibility: str = "everyone"
    visible_team_ids: Sequence[UUID] = ()
    default_team_id: UUID | None = None
    form_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRecord:
    """All that an organization promises, as of a revision."""

    revision: int
    last_edit: int
    policies: Sequence[PolicyRecord]
    calendars: Sequence[CalendarRecord]
    services: Sequence[ServiceRecord]
    priority_matrix: MatrixDocument | None = None
    chains: Mapping[str, list[StepDocument]] = field(default_factory=dict)


def read_book(way: Direct) -> BookRecord:
    """Return the organization's active policies in their order, all its calendars, and their revision, in one query."""
    row = way.record(_BOOK, {})
    return replace(book_of_row(row), priority_matrix=row.priority_matrix, chains=row.chains)


def book_of_row(row: Record) -> BookRecord:
    """Return the book that a row holds whose policies, calendars and services are documents."""
    return BookRecord(
        revision=row.revision,
        last_edit=row.last_edit,
        policies=[PolicyRecord(**{**one, "id": UUID(one["id"])}) for one in row.policies],
        calendars=[CalendarRecord(**{**one, "id": UUID(one["id"])}) for one in row.calendars],
        services=[_service(one) for one in row.services],
    )


def _service(document: dict[str, Any]) -> ServiceRecord:
    ids = {name: _id(document.get(name)) for name in ("default_team_id", "sla_policy_id")}
    teams = [UUID(one) for one in document.get("visible_team_ids", ())]
    return ServiceRecord(**{**document, **ids, "id": UUID(document["id"]), "visible_team_ids": teams})


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def revision(way: Direct) -> int:
    """Return the organization's revision."""
    return int(way.record(_REVISION, {}).sla_revision)


def calendar_versions(way: Direct, wanted: Iterable[tuple[UUID, int]]) -> list[CalendarRecord]:
    """Return these versions of calendars, in one query."""
    rows = way.records(_CALENDAR_VERSIONS, _pairs(wanted))
    return [CalendarRecord(id=row.id, version=row.version, definition=row.definition) for row in rows]


def calendar_definitions(
    session: Session, wanted: Iterable[tuple[UUID, int]]
) -> dict[UUID, CalendarDefinitionDocument]:
    """Return what calendars say in these versions, one for each calendar, in one query."""
    return {one.id: one.definition for one in calendar_versions(direct(session), wanted)}


def versions_of_calendar(session: Session, calendar_id: UUID, page: PageRequest) -> Sequence[CalendarVersionRow]:
    """Return the versions of a calendar, oldest first, one more than the page holds."""
    model = CalendarVersionRow
    wanted = select(model).where(model.calendar_id == calendar_id, model.version > _number(page))
    return session.scalars(wanted.order_by(model.version).limit(page.limit + 1)).all()


def versions_of_policy(session: Session, policy_id: UUID, page: PageRequest) -> Sequence[SlaPolicyVersionRow]:
    """Return the versions of a policy, oldest first, one more than the page holds."""
    model = SlaPolicyVersionRow
    wanted = select(model).where(model.policy_id == policy_id, model.version > _number(page))
    return session.scalars(wanted.order_by(model.version).limit(page.limit + 1)).all()


def policy_versions(way: Direct, wanted: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], PolicyDocument]:
    """Return what these versions of policies say, in one query."""
    rows = way.records(_POLICY_VERSIONS, _pairs(wanted))
    return {(row.id, row.version): row.definition for row in rows}


def lock(session: Session, organization_id: UUID) -> None:
    """Let nobody else save a calendar or policy of the organization until the commit."""
    session.execute(_LOCK, {"organization_id": organization_id})


def turn(session: Session, organization_id: UUID) -> None:
    """Count a save, so that every process reads the book again."""
    session.execute(_TURN, {"organization_id": organization_id})


def active_calendars(session: Session) -> int:
    """Return how many calendars the organization can choose from."""
    return int(session.execute(_ACTIVE_CALENDARS).scalar_one())


def active_policies(session: Session) -> int:
    """Return how many policies the organization asks."""
    return int(session.execute(_ACTIVE_POLICIES).scalar_one())


def is_used(session: Session, calendar_id: UUID) -> bool:
    """Tell whether a policy, active or not, measures by a calendar today."""
    return bool(session.execute(_IS_USED, {"calendar_id": calendar_id}).scalar_one())


def unknown(session: Session, references: Sequence[Reference]) -> set[tuple[Kind, UUID]]:
    """Return which of these do not exist, or are calendars that nobody can choose any more, in one query."""
    values = {"kinds": [one.kind.value for one in references], "ids": [one.id for one in references]}
    return {(Kind(row.kind), row.id) for row in session.execute(_UNKNOWN, values)}


def _number(page: PageRequest) -> int:
    """Return the version after which a page begins: the id that a cursor holds is its number."""
    return 0 if page.after is None else page.after.int


def _pairs(wanted: Iterable[tuple[UUID, int]]) -> dict[str, Any]:
    pairs = sorted(set(wanted))
    return {"ids": [one for one, _ in pairs], "versions": [version for _, version in pairs]}
