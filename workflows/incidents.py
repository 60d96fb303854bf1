"""Known incidents of services: told to everybody who sees the service, and ended. The services are in `catalogue`."""

from uuid import UUID

from psms.db.models.services import ServiceRow
from psms.db.queries import records
from psms.db.queries.services import readable_numbers
from psms.domain.access import Actor, Permission, require
from psms.domain.services import Service, TellIncident
from psms.errors import FieldError
from psms.runtime import Runtime
from workflows import trail
from workflows.act import act_of
from workflows.catalogue import service_view


def tell_incident(rt: Runtime, actor: Actor, service_id: UUID, command: TellIncident) -> Service:
    """Tell that something is wrong with a service; raise FieldError for a ticket that the caller may not read."""
    require(actor, Permission.SERVICE_ANNOUNCE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, ServiceRow, service_id, command.if_version)
        act = act_of(rt, session, actor)
        named = [] if command.ticket_id is None else [command.ticket_id]
        if len(readable_numbers(session, actor, named)) < len(named):
            raise FieldError("ticket_id", "there is nothing with this id in your organization")
        fields = {
            "incident_text": command.text,
            "incident_since": command.since or row.incident_since or act.now,
            "incident_ticket_id": command.ticket_id,
        }
        trail.note_changed(act, "service", row.id, records.edit(row, fields, act.now))
        session.flush()
        return service_view(session, actor, row)


def end_incident(rt: Runtime, actor: Actor, service_id: UUID, if_version: int | None) -> None:
    """Tell it no more; where nothing was told, nothing changes."""
    require(actor, Permission.SERVICE_ANNOUNCE)
    with rt.db.begin(actor.organization_id) as session:
        row = records.lock(session, ServiceRow, service_id, if_version)
        act = act_of(rt, session, actor)
        nothing = dict.fromkeys(("incident_text", "incident_since", "incident_ticket_id"))
        trail.note_changed(act, "service", row.id, records.edit(row, nothing, act.now))
