"""The guard of parents: none is done before its children are. Who becomes whose child is in `ticket_families`."""

from psms.db.queries import families
from psms.domain.ticket_families import asks_for_children, require_none_open
from psms.domain.tickets import Status, Ticket
from workflows.act import Act


def require_children_done(act: Act, ticket: Ticket, status: Status) -> None:
    """Raise ChildrenOpen, with their numbers, where a locked ticket has children that are not done.

    Only a ticket that is to be resolved or closed is asked. Nobody can attach a child meanwhile: that locks the parent.
    """
    if asks_for_children(status):
        require_none_open(families.open_children(act.session, act.organization_id, ticket.id))
