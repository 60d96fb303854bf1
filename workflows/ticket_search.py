"""Listing tickets by their custom fields: what is asked for is read by the forms. Without: `tickets`."""

from psms.db.direct import direct
from psms.db.queries import tickets as queries
from psms.domain.access import Actor
from psms.domain.forms.definitions import Audience, Form, FormField
from psms.domain.forms.filters import question_of
from psms.domain.pages import Page, PageRequest
from psms.domain.tickets import FieldFilter, Ticket, TicketFilter
from psms.runtime import Runtime
from workflows.sla_books import current_book
from workflows.ticket_forms import forms_of


def list_found(rt: Runtime, actor: Actor, wanted: TicketFilter, page: PageRequest) -> Page[Ticket]:
    """Return one page of the tickets that have what `wanted.fields` ask for, newest first.

    A field is one of the present forms, of the service that is asked for or of any; raises FieldError for another.
    """
    with rt.db.begin(actor.organization_id) as session:
        way = direct(session)
        book = current_book(rt, way, actor.organization_id)
        versions = [
            (service_id, service.form_version)
            for service_id, service in book.services.items()
            if service.form_version is not None and wanted.service_id in {None, service_id}
        ]
        forms = list(forms_of(rt, way, versions).values())
        questions = [question_of(one, _fields(forms, one, actor)) for one in wanted.fields]
        return queries.list_page(way, actor, wanted, page, questions)


def _fields(forms: list[Form], wanted: FieldFilter, actor: Actor) -> list[FormField]:
    audience = Audience.EVERYONE if actor.is_requester else Audience.AGENTS
    found = [form.by_key.get(wanted.key) for form in forms]
    return [field for field in found if field is not None and field.is_for(audience)]
