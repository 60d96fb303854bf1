"""Request forms of services: read and saved. What they make of tickets is in `ticket_forms`.

Each save is another version; tickets keep the one that they were filed with.
"""

from uuid import UUID

from psms.db.models.services import FormVersionRow, ServiceRow
from psms.db.queries import forms as queries
from psms.db.queries import records, sla_books
from psms.domain.access import Actor, Permission, require
from psms.domain.forms.checks import problems_of
from psms.domain.forms.definitions import make_form
from psms.domain.forms.documents import FieldDocument, document_of, field_of
from psms.domain.forms.refusal import refused
from psms.domain.pages import Page, PageRequest, page_of
from psms.domain.services import FormView, SaveForm
from psms.errors import VersionStale
from psms.runtime import Runtime
from workflows import trail
from workflows.act import Act, act_of
from workflows.catalogue import seen_service


def get_form(rt: Runtime, actor: Actor, service_id: UUID, version: int | None = None) -> FormView:
    """Return a version of a service's form, without one the current; NotFound where there is none, or no service."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        row = seen_service(session, actor, service_id)
        return _view(queries.get(session, service_id, version or row.form_version))


def list_form_versions(rt: Runtime, actor: Actor, service_id: UUID, page: PageRequest) -> Page[FormView]:
    """Return one page of all that a service's form has said, oldest first."""
    require(actor, Permission.SERVICE_READ)
    with rt.db.begin(actor.organization_id) as session:
        seen_service(session, actor, service_id)
        rows = queries.versions(session, service_id, page)
        return page_of([_view(row) for row in rows], page.limit, key="key")


def save_form(rt: Runtime, actor: Actor, service_id: UUID, command: SaveForm) -> FormView:
    """Give a service this form for tickets that are filed from now on; what is the same already is not saved.

    Raises FieldError for what does not go together, and VersionStale where *if_version* is not the form's.
    """
    require(actor, Permission.SERVICE_MANAGE)
    fields = [field_of(document) for document in command.fields]
    if problems := problems_of(fields):
        raise refused(problems)
    with rt.db.begin(actor.organization_id) as session:
        # In the order of whoever saves a policy: the organization first.
        sla_books.lock(session, actor.organization_id)
        row = records.lock(session, ServiceRow, service_id, None)
        if command.if_version is not None and command.if_version != row.form_version:
            raise VersionStale(current_version=row.form_version or 0)
        documents = [document_of(field) for field in fields]
        if row.form_version is not None:
            current = queries.get(session, service_id, row.form_version)
            if current.definition == documents:
                return _view(current)
        return _view(_saved(act_of(rt, session, actor), row, documents))


def _saved(act: Act, row: ServiceRow, documents: list[FieldDocument]) -> FormVersionRow:
    form = make_form(queries.last_version(act.session, row.id) + 1, [field_of(one) for one in documents])
    saved = queries.add(
        act.session,
        organization_id=act.organization_id,
        service_id=row.id,
        version=form.version,
        definition=documents,
        requester_keys=sorted(form.requester_keys),
        filter_keys=sorted(form.filter_keys),
        created_at=act.now,
        created_by=act.user_id,
    )
    changed = records.edit(row, {"form_version": form.version}, act.now)
    act.session.flush()
    sla_books.turn(act.session, act.organization_id)
    trail.note_changed(act, "service", row.id, changed)
    return saved


def _view(row: FormVersionRow) -> FormView:
    return records.view_of(FormView, row, fields=row.definition)
