"""The timeline of a ticket: all that happened to it, as one story."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields

from api import render
from api.auth import actor, requires
from api.context import runtime
from api.fields import Answer, Uuid, choice
from api.pagination import PageQuery, page_request
from api.smorest import Blueprint
from psms.domain.access import Permission
from psms.domain.timeline import Include, Kind, Order, TimelineQuestion
from workflows import timeline


class DoerSchema(Answer):
    """Who did it."""

    id = Uuid(allow_none=True, metadata={"description": "Null where PSMS itself acted."})
    name = fields.String(allow_none=True, metadata={"description": "Null where you may not read people's names."})


class DeliveryOfEventSchema(Answer):
    """How far an entry has come to one partner; its attempts are shown with the delivery."""

    id = Uuid()
    endpoint_id = Uuid()
    state = fields.String()
    attempts = fields.Integer()
    last_error = fields.String(allow_none=True)
    finished_at = fields.DateTime(allow_none=True)


class EntryForRequesterSchema(Answer):
    """One thing that happened to a ticket, as its requester reads it."""

    id = Uuid()
    at = fields.DateTime()
    kind = choice(Kind)
    type = fields.String(metadata={"description": "The type of the event; new ones may come with each release."})
    actor = fields.Nested(DoerSchema)
    summary = fields.String(metadata={"description": "One sentence, for people: it may be worded anew."})
    data = fields.Dict(
        keys=fields.String(), metadata={"description": "What changed, was said or was reached, as events tell it."}
    )


class EntrySchema(EntryForRequesterSchema):
    """One thing that happened to a ticket."""

    sequence = fields.Integer(
        allow_none=True, metadata={"description": "The count of the ticket's events; pages have none."}
    )
    deliveries = fields.List(
        fields.Nested(DeliveryOfEventSchema), allow_none=True, metadata={"description": "Null unless included."}
    )


class TimelineQuery(PageQuery):
    """Which entries are wanted."""

    kind = choice(Kind, metadata={"description": "Left out: all kinds."})
    order = choice(Order, metadata={"description": "desc, the newest first, unless you say asc."})
    include = choice(Include, metadata={"description": "deliveries: how far each has come to each partner."})


blp = Blueprint("timeline", "/v1/tickets/<uuid:ticket_id>/timeline", "What happened to a ticket, as one story.")


@blp.route("", methods=["GET"])
@requires(Permission.TICKET_READ)
@blp.arguments(TimelineQuery, location="query")
@blp.lists(EntrySchema, EntryForRequesterSchema)
def list_timeline(query: dict[str, Any], ticket_id: UUID) -> Response:
    """List what happened to a ticket, newest first: what was changed, said, promised and kept, by whom and when.

    Of what you may not read there is no entry.
    """
    page = page_request(query)
    kind = query.get("kind")
    question = TimelineQuestion(
        kinds=() if kind is None else (kind,),
        order=query.get("order", Order.NEWEST_FIRST),
        include=query.get("include"),
    )
    return render.listed(timeline.timeline_of(runtime(), actor(), ticket_id, question, page))
