"""Webhook endpoints: register, edit, pause, test and remove. What is sent to them is in `deliveries`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from psms.adapters.keyring import Keyring
from psms.db.models.webhooks import EndpointRow, SecretRow
from psms.db.queries import endpoints as queries
from psms.db.queries import journal, lanes, records
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.encrypted_columns import WEBHOOK_SECRET
from psms.domain.events import SCHEMA_VERSION, EndpointTestData, Envelope, EventType
from psms.domain.pages import Page, PageRequest
from psms.domain.signing import SECRET_BYTES, new_secret
from psms.domain.webhooks import (
    Endpoint,
    EndpointKind,
    EndpointState,
    EndpointTestSent,
    NewEndpoint,
    RotatedSecret,
)
from psms.encoding import json_bytes
from psms.errors import EndpointNotActive, NotFound, NothingToRotate, TooManyEndpoints, TooManySecrets
from psms.runtime import Runtime
from workflows import endpoint_backlog, trail
from workflows.act import Act, act_of
from workflows.data_keys import keyring_to_write
from workflows.endpoint_kinds import event_types_of, take_key, url_of
from workflows.names import Task
from workflows.once import Made, create_once, earlier_answer

SECRET_OVERLAP = timedelta(hours=24)
_MOST_SECRETS = 3
# Every event makes a delivery for each: without a bound one organization could keep the relay to itself.
MOST_ENDPOINTS = 100
_KIND = "webhook_endpoint"


def list_endpoints(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Endpoint]:
    """Return one page of the organization's endpoints."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return records.page_of_rows(session, EndpointRow, page, queries.endpoint_of, queries.VISIBLE)


def get_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint, or raise NotFound."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return queries.endpoint_of(queries.get(session, endpoint_id))


def add_endpoint(rt: Runtime, actor: Actor, command: NewEndpoint, once: OnceKey | None) -> Created:
    """Register an endpoint; the answer carries its signing secret, a repetition does not.

    Raises WebhookUrlRefused for an address that PSMS must not call. It is judged again at every send.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    earlier = earlier_answer(rt, actor, once)
    if earlier is not None:
        return earlier
    url, event_types = url_of(command), event_types_of(command.kind, command.event_types)
    # DNS, so before the transaction.
    rt.url_guard.check_url(url)
    keys = keyring_to_write(rt, actor.organization_id)

    def create(act: Act) -> Made:
        if queries.count(act.session) >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        row = _new_row(act, command, url, event_types)
        # PagerDuty's key is never shown again; a secret of ours, this once.
        secret = None if command.routing_key else new_secret(rt.chance.secret_bytes(SECRET_BYTES))
        queries.insert(act.session, row, _secret_row(act, keys, row.id, secret or command.routing_key or ""))
        shown = {"kind": row.kind, "url": row.url, "event_types": row.event_types}
        trail.note_added(act, _KIND, row.id, shown)
        endpoint = queries.endpoint_of(row)
        return Made(
            _with_secret(endpoint, secret),
            f"/v1/webhook-endpoints/{row.id}",
            version=1,
            kept=_with_secret(endpoint, None),
        )

    return create_once(rt, actor, once, create)


def _new_row(act: Act, command: NewEndpoint, url: str, event_types: list[str] | None) -> EndpointRow:
    return EndpointRow(
        organization_id=act.organization_id,
        id=act.new_id(),
        kind=command.kind.value,
        url=url,
        description=command.description,
        event_types=event_types,
        state=EndpointState.ACTIVE.value,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )


def _secret_row(act: Act, keys: Keyring, endpoint_id: UUID, secret: str) -> SecretRow:
    row_id = act.new_id()
    return SecretRow(
        organization_id=act.organization_id,
        id=row_id,
        endpoint_id=endpoint_id,
        secret_encrypted=keys.encrypt(WEBHOOK_SECRET, row_id, secret.encode()),
        created_at=act.now,
        expires_at=None,
    )


def _with_secret(endpoint: Endpoint, secret: str | None) -> bytes:
    shown = {name: getattr(endpoint, name) for name in Endpoint.__slots__}
    return json_bytes({**shown, "secret": secret})


def edit_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID, command: Edit) -> Endpoint:
    """Change an endpoint. Pausing holds its deliveries, activating releases them, oldest first.

    Where `backlog` says so they, or those before `backlog_since`, are thrown away: see `endpoint_backlog`.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    fields = _stored_form(command.fields)
    choice = endpoint_backlog.take_choice(fields)
    if "url" in fields:
        rt.url_guard.check_url(fields["url"])
    keys = keyring_to_write(rt, actor.organization_id) if "routing_key" in fields else None
    with rt.db.begin(actor.organization_id) as session:
        row = _locked(session, actor, endpoint_id, command.if_version)
        routing_key = take_key(row, fields)
        if "event_types" in fields:
            fields["event_types"] = event_types_of(row.kind, fields["event_types"])
        act = act_of(rt, session, actor)
        changed = records.edit(row, fields, act.now)
        if keys is not None and routing_key is not None:
            _replace_key(act, keys, row, routing_key)
        if "url" in changed:
            lanes.serve_now(session, act.organization_id, row.id, act.now)
        if "state" in changed:
            endpoint_backlog.follow_state(act, row, choice)
        else:
            endpoint_backlog.require_held(choice)
        trail.note_changed(act, _KIND, row.id, changed)
        session.flush()
        endpoint = queries.endpoint_of(row)
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    rt.nudger.nudge(Task.WATCH_ENDPOINTS)
    return endpoint


def _replace_key(act: Act, keys: Keyring, row: EndpointRow, routing_key: str) -> None:
    secret = queries.current_secret(act.session, row.id)
    secret.secret, secret.secret_encrypted = None, keys.encrypt(WEBHOOK_SECRET, secret.id, routing_key.encode())
    lanes.serve_now(act.session, act.organization_id, row.id, act.now)
    trail.note(act, f"{_KIND}.secret_rotated", (_KIND, row.id))


def _stored_form(fields: dict[str, Any]) -> dict[str, Any]:
    stored = dict(fields)
    if "state" in stored:
        stored["state"] = EndpointState(stored["state"]).value
    return stored


def _locked(session: Session, actor: Actor, endpoint_id: UUID, if_version: int | None) -> EndpointRow:
    # The lane first, as everywhere.
    lanes.lock(session, actor.organization_id, [endpoint_id])
    row = records.lock(session, EndpointRow, endpoint_id, if_version)
    if row.state == "deleted":
        raise NotFound
    return row


def remove_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID) -> None:
    """Delete an endpoint: nothing more is sent to it. Upkeep cancels what waited for it, however much that is."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = _locked(session, actor, endpoint_id, None)
        act = act_of(rt, session, actor)
        row.state = "deleted"
        records.touch(row, act.now)
        lanes.remove(session, act.organization_id, row.id)
        trail.note(act, f"{_KIND}.deleted", (_KIND, row.id))


def rotate_secret(rt: Runtime, actor: Actor, endpoint_id: UUID) -> RotatedSecret:
    """Give an endpoint a new secret; for 24 hours deliveries are signed with the former one too."""
    require(actor, Permission.WEBHOOK_MANAGE)
    keys = keyring_to_write(rt, actor.organization_id)
    secret = new_secret(rt.chance.secret_bytes(SECRET_BYTES))
    with rt.db.begin(actor.organization_id) as session:
        row = _locked(session, actor, endpoint_id, None)
        if row.kind == EndpointKind.PAGERDUTY:
            raise NothingToRotate
        act = act_of(rt, session, actor)
        if queries.live_secrets(session, row.id, act.now) >= _MOST_SECRETS:
            raise TooManySecrets
        until = queries.add_secret(session, _secret_row(act, keys, row.id, secret), SECRET_OVERLAP)
        trail.note(act, f"{_KIND}.secret_rotated", (_KIND, row.id))
    return RotatedSecret(endpoint_id=row.id, secret=secret, previous_expires_at=until)


def send_test(rt: Runtime, actor: Actor, endpoint_id: UUID) -> EndpointTestSent:
    """Send a `webhook.test` event to this endpoint alone, by the same way as every other event."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = _locked(session, actor, endpoint_id, None)
        if row.state != EndpointState.ACTIVE:
            raise EndpointNotActive
        act = act_of(rt, session, actor)
        lanes.serve_now(session, act.organization_id, row.id, act.now)
        event_id = _tell_test(act, row.id)
        trail.note(act, f"{_KIND}.tested", (_KIND, row.id))
    rt.nudger.nudge(Task.RELAY_OUTBOX)
    return EndpointTestSent(event_id=event_id)


def _tell_test(act: Act, endpoint_id: UUID) -> UUID:
    event_id = act.new_id()
    envelope = Envelope(
        id=event_id,
        type=EventType.WEBHOOK_TEST,
        timestamp=act.now,
        schema_version=SCHEMA_VERSION,
        data=EndpointTestData(endpoint_id=endpoint_id, message="This is a test: your endpoint is reached."),
    )
    record = journal.EventRecord(
        organization_id=act.organization_id,
        id=event_id,
        type=envelope.type.value,
        schema_version=SCHEMA_VERSION,
        ticket_id=None,
        sequence=None,
        occurred_at=act.now,
        body=json_bytes(envelope),
        request_id=act.actor.request_id if act.actor else None,
        endpoint_id=endpoint_id,
    )
    journal.insert_events(act.session, [record])
    return event_id
