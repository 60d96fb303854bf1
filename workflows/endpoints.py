"""Webhook endpoints: register, edit, pause and remove. What is sent to them is in `deliveries`.

Their secrets are in `endpoint_secrets`, tests and verification in `endpoint_trials`.
"""

from typing import Any
from uuid import UUID

from psms.adapters.keyring import Keyring
from psms.db.models.webhooks import EndpointRow
from psms.db.queries import endpoint_views, lanes, records
from psms.db.queries import endpoints as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.accounts import Edit
from psms.domain.answers import Created, OnceKey
from psms.domain.endpoint_settings import LaneSettings, SignatureScheme
from psms.domain.pages import Page, PageRequest
from psms.domain.partner_headers import checked_headers
from psms.domain.webhooks import Endpoint, EndpointState, NewEndpoint
from psms.encoding import json_bytes
from psms.errors import TooManyEndpoints
from psms.runtime import Runtime
from workflows import endpoint_backlog, endpoint_secrets, endpoint_settings, trail
from workflows.act import Act, act_of
from workflows.data_keys import keyring_to_write
from workflows.endpoint_events import require_wanted
from workflows.endpoint_kinds import event_types_of, take_key, url_of
from workflows.names import Task
from workflows.once import Made, create_once, earlier_answer

# Every event makes a delivery for each: without a bound one organization could keep the relay to itself.
MOST_ENDPOINTS = 100
_KIND = "webhook_endpoint"
# What is not stored as it was given needs the organization's keys.
_ENCRYPTED = frozenset({"routing_key", "headers", "signatures"})


def list_endpoints(rt: Runtime, actor: Actor, page: PageRequest) -> Page[Endpoint]:
    """Return one page of the organization's endpoints."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        rows = records.page_of_rows(session, EndpointRow, page, _itself, queries.VISIBLE)
        return Page(items=endpoint_views.views(session, rows.items), next_after=rows.next_after)


def _itself(row: EndpointRow) -> EndpointRow:
    return row


def get_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID) -> Endpoint:
    """Return an endpoint, or raise NotFound."""
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        return endpoint_views.view(session, queries.get(session, endpoint_id))


def add_endpoint(rt: Runtime, actor: Actor, command: NewEndpoint, once: OnceKey | None) -> Created:
    """Register an endpoint; the answer carries its signing secret, a repetition does not.

    Raises WebhookUrlRefused for an address that PSMS must not call. It is judged again at every send.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    earlier = earlier_answer(rt, actor, once)
    if earlier is not None:
        return earlier
    url, event_types = url_of(command), event_types_of(command.kind, command.event_types)
    require_wanted({"event_filter": command.event_filter, "schema_version": command.schema_version})
    settings = _settings_of(command)
    # DNS, so before the transaction.
    rt.url_guard.check_url(url)
    keys = keyring_to_write(rt, actor.organization_id)

    def create(act: Act) -> Made:
        if queries.count(act.session, act.organization_id) >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        row = _new_row(act, command, url, event_types)
        endpoint_settings.set_headers(row, keys, command.headers)
        secrets = _first_secrets(rt, act, keys, row, command)
        queries.insert(act.session, row, [one.row for one in secrets], settings)
        shown = {"kind": row.kind, "url": row.url, "event_types": row.event_types}
        trail.note_added(act, _KIND, row.id, shown)
        endpoint = endpoint_views.view(act.session, row)
        # PagerDuty's key is never shown again; a secret of ours, this once.
        secret = secrets[0].secret
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
        event_filter=command.event_filter,
        schema_version=command.schema_version,
        header_names=[],
        timeout_seconds=command.timeout_seconds,
        signatures=list(command.signatures),
        state=EndpointState.ACTIVE.value,
        version=1,
        created_at=act.now,
        updated_at=act.now,
    )


def _settings_of(command: NewEndpoint) -> LaneSettings:
    checked_headers(command.headers)
    given = {name: getattr(command, name) for name in ("headers", "order", "rate_per_minute", "max_in_flight")}
    endpoint_settings.refuse_for_pagerduty(command.kind, {**given, "signatures": list(command.signatures)})
    return endpoint_settings.first_lane_settings(command.kind, given)


def _first_secrets(
    rt: Runtime, act: Act, keys: Keyring, row: EndpointRow, command: NewEndpoint
) -> list[endpoint_secrets.NewSecret]:
    if command.routing_key:
        stored = endpoint_secrets.stored_secret(act, keys, row.id, command.routing_key)
        return [endpoint_secrets.NewSecret(row=stored)]
    schemes = map(SignatureScheme, command.signatures)
    return [endpoint_secrets.new_secret_of(rt, act, keys, row.id, scheme) for scheme in schemes]


def _with_secret(endpoint: Endpoint, secret: str | None) -> bytes:
    shown = {name: getattr(endpoint, name) for name in Endpoint.__slots__}
    return json_bytes({**shown, "secret": secret})


def edit_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID, command: Edit) -> Endpoint:
    """Change an endpoint. Pausing holds its deliveries, activating releases them, oldest first.

    Where `backlog` says so they, or those before `backlog_since`, are thrown away: see `endpoint_backlog`.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    fields = _stored_form(command.fields)
    require_wanted(fields)
    choice = endpoint_backlog.take_choice(fields)
    if "url" in fields:
        rt.url_guard.check_url(fields["url"])
    keys = keyring_to_write(rt, actor.organization_id) if _ENCRYPTED & fields.keys() else None
    with rt.db.begin(actor.organization_id) as session:
        row = queries.lock(session, actor.organization_id, endpoint_id, command.if_version)
        routing_key = take_key(row, fields)
        if "event_types" in fields:
            fields["event_types"] = event_types_of(row.kind, fields["event_types"])
        act = act_of(rt, session, actor)
        changed = _edited(rt, act, row, fields, keys)
        if keys is not None and routing_key is not None:
            endpoint_secrets.replace_routing_key(act, keys, row, routing_key)
        if "state" in changed:
            endpoint_backlog.follow_state(act, row, choice)
        else:
            endpoint_backlog.require_held(choice)
        trail.note_changed(act, _KIND, row.id, changed)
        session.flush()
        endpoint = endpoint_views.view(session, row)
    rt.nudger.nudge(Task.DELIVER_WEBHOOKS)
    rt.nudger.nudge(Task.WATCH_ENDPOINTS)
    return endpoint


def _edited(
    rt: Runtime, act: Act, row: EndpointRow, fields: dict[str, Any], keys: Keyring | None
) -> endpoint_settings.Changed:
    endpoint_settings.refuse_for_pagerduty(row.kind, fields)
    endpoint_settings.require_headers_again(row, fields)
    headers = fields.pop("headers", None)
    beside = endpoint_settings.take_lane_settings(act, row, fields)
    changed = records.edit(row, fields, act.now)
    if keys is not None and headers is not None:
        beside |= endpoint_settings.set_headers(row, keys, headers)
    if keys is not None and "signatures" in changed:
        endpoint_secrets.follow_signatures(rt, act, keys, row)
    if "url" in changed:
        # Another address has to answer for itself.
        row.verified_at = None
    if beside and not changed:
        records.touch(row, act.now)
    if {"url", "headers"} & {*changed, *beside}:
        lanes.serve_now(act.session, act.organization_id, row.id, act.now)
    return changed | beside


def _stored_form(fields: dict[str, Any]) -> dict[str, Any]:
    stored = dict(fields)
    if "state" in stored:
        stored["state"] = EndpointState(stored["state"]).value
    return stored


def remove_endpoint(rt: Runtime, actor: Actor, endpoint_id: UUID, if_version: int | None = None) -> None:
    """Delete an endpoint: nothing more is sent to it. Upkeep cancels what waited for it, however much that is.

    Raises NotFound, and VersionStale where it has another version than *if_version*.
    """
    require(actor, Permission.WEBHOOK_MANAGE)
    with rt.db.begin(actor.organization_id) as session:
        row = queries.lock(session, actor.organization_id, endpoint_id, if_version)
        act = act_of(rt, session, actor)
        row.state = "deleted"
        records.touch(row, act.now)
        lanes.remove(session, act.organization_id, row.id)
        trail.note(act, f"{_KIND}.deleted", (_KIND, row.id))
