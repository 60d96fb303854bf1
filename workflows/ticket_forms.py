"""Custom fields of tickets by the forms of their services: judged at filing, at edits and before they are resolved.

Versions of forms never change: each is read once, and kept in the process. Saving them is in `forms`.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psms.db.direct import Direct, direct
from psms.db.queries import forms as queries
from psms.db.queries import services
from psms.db.queries.forms import Version
from psms.domain.access import Actor
from psms.domain.disclosure import OwnKeys
from psms.domain.forms.definitions import Audience, Form
from psms.domain.forms.filling import Filled, edited, filed, missing_at_resolving
from psms.domain.forms.refusal import Problem, refused
from psms.domain.services import PLAIN, BookedService, ServiceVisibility
from psms.domain.sla.book import Book
from psms.domain.tickets import OpenTicket, Ticket
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows.act import Act, Moment

_NOTHING = "there is nothing with this id in your organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a new ticket goes, and what its service's form makes of its custom fields."""

    service_id: UUID
    team_id: UUID | None
    form_version: int | None
    custom_fields: dict[str, Any]
    own_keys: OwnKeys


def placed(act: Moment, way: Direct, book: Book, command: OpenTicket, default_service_id: UUID | None) -> Placed:
    """Return where a new ticket goes, by the organization's book; raise FieldError for all that is wrong with that.

    Without a query, unless the form is not at hand, references are given, or the service is for certain teams.
    """
    service_id = command.service_id or default_service_id
    if service_id is None:
        raise FieldError("service_id", "required: this organization has no default service")
    service = book.service(service_id)
    is_seen = command.service_id is None or _is_seen(act, way, service)
    form = _form_at_filing(act, way, service_id, service if is_seen else PLAIN)
    fields = _fields_at_filing(act, way, form, command)
    if not is_seen:
        raise FieldError("service_id", _NOTHING)
    return Placed(
        service_id=service_id,
        team_id=command.team_id or service.default_team_id,
        form_version=None if form is None else form.version,
        custom_fields=fields,
        own_keys={} if form is None else {(service_id, form.version): form.requester_keys},
    )


def _is_seen(act: Moment, way: Direct, service: BookedService) -> bool:
    if not _is_requester(act.actor) or (service.active and service.visibility is ServiceVisibility.EVERYONE):
        return True
    if not service.active or service.visibility is ServiceVisibility.AGENTS:
        return False
    return services.is_member(way, act.user_id, service.visible_team_ids)


def _form_at_filing(act: Moment, way: Direct, service_id: UUID, service: BookedService) -> Form | None:
    version = service.form_version
    return None if version is None else forms_of(act.rt, way, [(service_id, version)])[service_id, version]


def _fields_at_filing(act: Moment, way: Direct, form: Form | None, command: OpenTicket) -> dict[str, Any]:
    given = command.custom_fields or {}
    if form is None:
        if given and _is_requester(act.actor):
            raise FieldError("custom_fields", "leave it out: this service has no form")
        return given
    audience = Audience.EVERYONE if _is_requester(act.actor) else Audience.AGENTS
    return _accepted(act.actor, way, filed(form, given, command.type, audience))


def forms_of(rt: Runtime, way: Direct, wanted: Iterable[Version]) -> dict[Version, Form]:
    """Return these versions of forms; those that are not at hand are read in one query."""
    found = {version: rt.shelf.form(*version) for version in wanted}
    missing = [version for version, form in found.items() if form is None]
    if missing:
        for version, form in queries.forms(way, missing).items():
            rt.shelf.put_form(version[0], form)
            found[version] = form
    return {version: form for version, form in found.items() if form is not None}


def own_keys(rt: Runtime, actor: Actor, resources: Iterable[object]) -> OwnKeys:
    """Return the fields of tickets among *resources* that are a requester's to read, by the tickets' forms.

    For others nothing: they read every field. At most one query, and none for forms that are at hand.
    """
    if not actor.is_requester:
        return {}
    wanted = {
        (one.service_id, one.form_version)
        for one in resources
        if isinstance(one, Ticket) and one.form_version is not None and one.custom_fields
    }
    if not wanted:
        return {}
    if all(rt.shelf.form(*version) for version in wanted):
        return {version: form.requester_keys for version in wanted if (form := rt.shelf.form(*version)) is not None}
    with rt.db.begin(actor.organization_id) as session:
        return {version: form.requester_keys for version, form in forms_of(rt, direct(session), wanted).items()}


def judged(act: Act, book: Book, ticket: Ticket, changes: Mapping[str, Any], named: Container[str]) -> dict[str, Any]:
    """Return *changes* of a ticket with what follows from them for its form and its custom fields.

    A ticket keeps the form that it was filed with, until it goes to another service: then it gets the form that the
    service has now. Of custom fields an edit is judged by what it changes. Raises FieldError. *named* are the fields
    that the edit names, also such as it leaves as they are.
    """
    judged_changes, way = dict(changes), direct(act.session)
    before = after = _version_of(ticket)
    if "service_id" in changes:
        version = book.service(changes["service_id"]).form_version
        after = None if version is None else (changes["service_id"], version)
        judged_changes |= {} if version == ticket.form_version else {"form_version": version}
    forms = forms_of(act.rt, way, {one for one in (before, after) if one is not None})
    form = None if after is None else forms[after]
    if form is not None and after != before and "custom_fields" not in named:
        _require_hidden_stays_hidden(ticket, None if before is None else forms[before], form)
    if form is not None and "custom_fields" in changes:
        filled = edited(form, ticket.custom_fields, changes["custom_fields"], ticket.type)
        judged_changes["custom_fields"] = _accepted(act.actor, way, filled)
        if judged_changes["custom_fields"] == ticket.custom_fields:
            del judged_changes["custom_fields"]
    return judged_changes


def _require_hidden_stays_hidden(ticket: Ticket, before: Form | None, after: Form) -> None:
    """Raise FieldError where a value that requesters did not see would be seen by the new form of a ticket."""
    shown = after.requester_keys - (frozenset() if before is None else before.requester_keys)
    exposed = [key for key in ticket.custom_fields if key in shown]
    if exposed:
        message = "requesters would see this there: say in custom_fields what is to go along"
        raise _refused([(key, message) for key in exposed])


def _version_of(ticket: Ticket) -> Version | None:
    return None if ticket.form_version is None else (ticket.service_id, ticket.form_version)


def require_complete(rt: Runtime, way: Direct, ticket: Ticket) -> None:
    """Raise FieldError while a field has no value that its form requires before the ticket is resolved."""
    version = _version_of(ticket)
    if version is None:
        return
    missing = missing_at_resolving(forms_of(rt, way, [version])[version], ticket.custom_fields, ticket.type)
    if missing:
        raise _refused(missing)


def _accepted(actor: Actor | None, way: Direct, filled: Filled) -> dict[str, Any]:
    problems = filled.problems
    if filled.references and actor is not None and not problems:
        unknown = queries.unknown(way, actor, filled.references)
        problems = [(one.field, _NOTHING) for one in filled.references if (one.kind, one.id) in unknown]
    if problems:
        raise _refused(problems)
    return filled.values


def _refused(problems: Iterable[Problem]) -> FieldError:
    return refused([(f"custom_fields.{key}", message) for key, message in problems])


def _is_requester(actor: Actor | None) -> bool:
    return actor is not None and actor.is_requester
