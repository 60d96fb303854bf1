"""Statements of automatic assignment: configurations, rosters and decisions. What waits is in `routing_queue`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from psms.db.models.routing import RoutingDecisionRow
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.routing.config import RoutingConfig, config_of, document_of
from psms.encoding import json_text

_CONFIG = "SELECT automatic, definition, version, turn, refill, updated_at FROM team_routing WHERE team_id = :team_id"
_LOCK_FREE = text(f"{_CONFIG} FOR NO KEY UPDATE SKIP LOCKED")
_LOCK = text(f"{_CONFIG} FOR NO KEY UPDATE")
_READ = text(_CONFIG)
_BEGIN = text("""
    INSERT INTO team_routing (organization_id, team_id, automatic, definition, version, updated_at)
    VALUES (:organization_id, :team_id, false, CAST(:definition AS jsonb), 1, :now)
    ON CONFLICT (organization_id, team_id) DO NOTHING
""")
# Whoever is filing a ticket for the team holds its row: they are waited for, and who comes later waits for us.
_SETTLE = text("SELECT FROM teams WHERE id = :team_id FOR UPDATE")
_SAVE = text("""
    UPDATE team_routing SET automatic = :automatic, definition = CAST(:definition AS jsonb), version = version + 1,
        refill = true, updated_at = :now
    WHERE team_id = :team_id RETURNING version
""")
# Loads are those of all teams: whoever decides for another team of theirs waits here.
_LOCK_MEMBERS = text("""
    SELECT FROM users u WHERE u.organization_id = :organization_id
        AND u.id IN (SELECT m.user_id FROM memberships m WHERE m.team_id = :team_id)
    ORDER BY u.id FOR NO KEY UPDATE OF u
""")
_ROSTER = text("""
    SELECT u.id AS user_id, coalesce(r.turn, 0) AS turn,
        u.active AND NOT u.is_service AND u.role IN ('admin', 'manager', 'agent') AS works,
        (SELECT max(a.ends_at) FROM absences a WHERE a.organization_id = :organization_id AND a.user_id = u.id
            AND a.ends_at > :now AND a.starts_at <= :now) AS away_until,
        (SELECT count(*) FROM tickets t WHERE t.organization_id = :organization_id AND t.assignee_id = u.id
            AND t.deleted_at IS NULL AND t.status IN ('new', 'open', 'pending')) AS load,
        (SELECT jsonb_object_agg(s.skill, s.level) FROM user_skills s
            WHERE s.organization_id = :organization_id AND s.user_id = u.id) AS skills
    FROM memberships m JOIN users u ON u.organization_id = m.organization_id AND u.id = m.user_id
    LEFT JOIN routing_turns r
        ON r.organization_id = m.organization_id AND r.team_id = m.team_id AND r.user_id = m.user_id
    WHERE m.organization_id = :organization_id AND m.team_id = :team_id
    ORDER BY u.id
""")
_REQUIRED = text("""
    SELECT service_id, jsonb_object_agg(skill, level) AS skills FROM service_skills
    WHERE service_id = ANY (:service_ids) GROUP BY service_id
""")
_TURNS = text("""
    INSERT INTO routing_turns AS r (organization_id, team_id, user_id, turn)
    SELECT :organization_id, :team_id, n.user_id, n.turn
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:turns AS bigint[])) AS n (user_id, turn)
    ON CONFLICT (organization_id, team_id, user_id) DO UPDATE SET turn = excluded.turn
""")
_TURN = text("UPDATE team_routing SET turn = :turn WHERE team_id = :team_id")
_DECISIONS = text("""
    INSERT INTO routing_decisions (organization_id, id, ticket_id, team_id, strategy, config_version, user_id, asked_by,
        considered, candidates, required, decided_at)
    SELECT :organization_id, n.id, n.ticket_id, :team_id, :strategy, :version, n.user_id, :asked_by, n.considered,
        CAST(n.candidates AS jsonb), CAST(n.required AS jsonb), :now
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ticket_ids AS uuid[]), CAST(:user_ids AS uuid[]),
        CAST(:considered AS integer[]), CAST(:candidates AS text[]), CAST(:required AS text[]))
        AS n (id, ticket_id, user_id, considered, candidates, required)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRouting:
    """A team's configuration, and how far its round has come."""

    config: RoutingConfig
    version: int
    turn: int = 0
    refill: bool = False
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """A decision to write; *candidates* and *required* are JSON texts."""

    id: UUID
    ticket_id: UUID
    user_id: UUID | None
    considered: int
    candidates: str
    required: str


def read(session: Session, team_id: UUID) -> KeptRouting:
    """Return a team's configuration: by hand where none was ever saved."""
    return _kept(session.execute(_READ, {"team_id": team_id}).one_or_none()) or BY_HAND


def lock(session: Session, team_id: UUID) -> KeptRouting:
    """Do as `read`, and let nobody else decide for the team until the commit."""
    return _kept(session.execute(_LOCK, {"team_id": team_id}).one_or_none()) or BY_HAND


def lock_free(session: Session, team_id: UUID) -> KeptRouting | None:
    """Do as `lock`; None where somebody else is deciding for the team, or there is nothing to decide by."""
    return _kept(session.execute(_LOCK_FREE, {"team_id": team_id}).one_or_none())


def lock_to_save(session: Session, organization_id: UUID, team_id: UUID, now: datetime) -> KeptRouting:
    """Return a team's configuration locked until the commit, when nobody is changing whose tickets are the team's."""
    values = {"organization_id": organization_id, "team_id": team_id, "now": now}
    session.execute(_BEGIN, {**values, "definition": json_text(document_of(BY_HAND.config))})
    kept = lock(session, team_id)
    session.execute(_SETTLE, {"team_id": team_id})
    return kept


def save(session: Session, team_id: UUID, config: RoutingConfig, now: datetime) -> int:
    """Write a locked team's configuration and return its version."""
    values = {"team_id": team_id, "automatic": config.is_automatic, "now": now}
    return int(session.execute(_SAVE, {**values, "definition": json_text(document_of(config))}).scalar_one())


def lock_members(session: Session, organization_id: UUID, team_id: UUID) -> None:
    """Let nobody else decide for a team that has one of these members too, until the commit."""
    session.execute(_LOCK_MEMBERS, {"organization_id": organization_id, "team_id": team_id})


def roster(session: Session, organization_id: UUID, team_id: UUID, now: datetime) -> Sequence[Row[Any]]:
    """Return the members of a team with their loads, turns, absences at *now* and skills, in one query."""
    values = {"organization_id": organization_id, "team_id": team_id, "now": now}
    return session.execute(_ROSTER, values).all()


def required_by(session: Session, service_ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, int]]:
    """Return what services ask of who works on their tickets; services that ask for nothing are left out."""
    rows = session.execute(_REQUIRED, {"service_ids": list(service_ids)})
    return {row.service_id: row.skills for row in rows}


def keep_turns(session: Session, organization_id: UUID, team_id: UUID, turns: Mapping[UUID, int]) -> None:
    """Write at which turn of the locked team each of these members was assigned a ticket last."""
    values = {"organization_id": organization_id, "team_id": team_id}
    session.execute(_TURNS, {**values, "user_ids": list(turns), "turns": list(turns.values())})
    session.execute(_TURN, {"team_id": team_id, "turn": max(turns.values())})


def insert_decisions(session: Session, shared: Mapping[str, Any], decisions: Sequence[DecisionRecord]) -> None:
    """Write decisions of one team at one instant, in one statement; *shared* is what they have in common."""
    columns = {
        "ids": [one.id for one in decisions],
        "ticket_ids": [one.ticket_id for one in decisions],
        "user_ids": [one.user_id for one in decisions],
        "considered": [one.considered for one in decisions],
        "candidates": [one.candidates for one in decisions],
        "required": [one.required for one in decisions],
    }
    session.execute(_DECISIONS, {**shared, **columns})


def decisions_of(session: Session, ticket_id: UUID, page: PageRequest) -> Page[RoutingDecisionRow]:
    """Return one page of the decisions about a ticket, newest first."""
    model = RoutingDecisionRow
    wanted = select(model).where(model.ticket_id == ticket_id)
    if page.after is not None:
        wanted = wanted.where(model.id < page.after)
    rows = session.scalars(wanted.order_by(model.id.desc()).limit(page.limit + 1))
    return page_of(list(rows), page.limit)


BY_HAND = KeptRouting(config=RoutingConfig(), version=1)


def _kept(row: Row[Any] | None) -> KeptRouting | None:
    if row is None:
        return None
    return KeptRouting(
        config=config_of(row.definition),
        version=row.version,
        turn=row.turn,
        refill=row.refill,
        updated_at=row.updated_at,
    )
