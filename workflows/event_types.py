"""Reading the catalogue of events, for those who manage webhooks. It is the same for every organization."""

from psms.domain.access import Actor, Permission, require
from psms.domain.event_catalogue import views
from psms.domain.event_catalogue.views import EventTypeInFull, EventTypes
from psms.domain.events import EventType
from psms.errors import NotFound


def list_event_types(actor: Actor) -> EventTypes:
    """Return all types of events."""
    require(actor, Permission.WEBHOOK_MANAGE)
    return views.event_types()


def get_event_type(actor: Actor, name: str) -> EventTypeInFull:
    """Return one type of event with its schema and an example; raise NotFound for a name that there is not."""
    require(actor, Permission.WEBHOOK_MANAGE)
    if name not in set(EventType):
        raise NotFound
    return views.event_type_in_full(EventType(name))
