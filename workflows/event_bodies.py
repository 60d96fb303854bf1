"""The exact bytes of an event: made once, when it is told; stored, signed and sent as they are, however often."""

from psms.domain.events import Envelope, PageData, TicketData
from psms.domain.thin_events import MOST_BODY_BYTES, thin_form
from psms.encoding import json_bytes, json_value
from psms.runtime import Runtime


def event_body(rt: Runtime, envelope: Envelope) -> bytes:
    """Return the body of an event; where it would be longer than MOST_BODY_BYTES, its thin form."""
    body = json_bytes(envelope)
    if len(body) <= MOST_BODY_BYTES or not isinstance(envelope.data, TicketData | PageData):
        return body
    address = f"{rt.settings.public_url}/v1/tickets/{envelope.data.ticket.id}"
    return json_bytes(thin_form(json_value(body), address))
