"""Random stories of merges, their return, comments and moves, beside a model that is a dictionary and a loop."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psms.domain.pages import PageRequest
from psms.domain.relation_errors import ChildrenOpen, MergeRefused, RelationRefused
from psms.domain.tickets import NewComment
from psms.errors import FieldError
from psms.runtime import Runtime
from tests.support.tenants import Tenant, file_ticket
from workflows import comments, merges, ticket_families, tickets

COUNT = 5
PLACES = st.integers(0, COUNT - 1)
DEEDS = st.sampled_from(["merge", "merge", "unmerge", "say", "say", "attach", "attach", "detach"])
STORIES = st.lists(st.tuples(DEEDS, PLACES, PLACES), min_size=10, max_size=25)


@dataclass
class Model:
    """What there is: into what each ticket was merged, what was said on it, and what it is part of."""

    into: dict[int, int] = field(default_factory=dict)
    parents: dict[int, int] = field(default_factory=dict)
    said: list[tuple[int, str]] = field(default_factory=list)

    def survivor(self, place: int) -> int:
        """Return the ticket that goes on in place of this one."""
        while place in self.into:
            place = self.into[place]
        return place

    def shown(self, place: int) -> list[str]:
        """Return what a ticket shows."""
        return [what for where, what in self.said if place in self.line(where, self.into)]

    def line(self, place: int, up: dict[int, int]) -> list[int]:
        """Return a ticket and all above it; a circle would never end."""
        found = [place]
        while found[-1] in up:
            found.append(up[found[-1]])
            assert len(found) <= COUNT
        return found

    def may_merge(self, own: int, other: int) -> bool:
        """Tell whether one may be merged into the other: open children would keep it."""
        children = [child for child, parent in self.parents.items() if parent == own and child not in self.into]
        return own != other and own not in self.into and other not in self.into and not children

    def may_attach(self, own: int, other: int) -> bool:
        """Tell whether one may become part of the other; who is so already may, whatever has become of that."""
        if self.parents.get(own) == other:
            return True
        return own != other and own not in self.line(other, self.parents) and other not in self.into


class Story:
    """One story: each deed is done to the tickets and to the model, and both must agree on whether it may be."""

    def __init__(self, rt: Runtime, tenant: Tenant) -> None:
        """Begin with tickets that have nothing to do with one another."""
        self.rt, self.actor, self.model = rt, tenant.actor, Model()
        self.ids = [file_ticket(rt, tenant.actor) for _ in range(COUNT)]

    def play(self, deed: str, own: int, other: int) -> None:
        """Do one deed."""
        getattr(self, f"_{deed}")(own, other)

    def _merge(self, own: int, other: int) -> None:
        if self.model.may_merge(own, other):
            merges.merge_ticket(self.rt, self.actor, self.ids[own], self.ids[other], None)
            self.model.into[own] = other
        else:
            with pytest.raises((MergeRefused, FieldError, ChildrenOpen)):
                merges.merge_ticket(self.rt, self.actor, self.ids[own], self.ids[other], None)

    def _unmerge(self, own: int, _: int) -> None:
        if own in self.model.into and self.model.into[own] not in self.model.into:
            merges.unmerge_ticket(self.rt, self.actor, self.ids[own], None)
            del self.model.into[own]
        else:
            with pytest.raises(MergeRefused):
                merges.unmerge_ticket(self.rt, self.actor, self.ids[own], None)

    def _say(self, own: int, _: int) -> None:
        what = f"comment {len(self.model.said)}"
        comments.add_comment(self.rt, self.actor, self.ids[own], NewComment(body=what), None)
        self.model.said.append((own, what))

    def _attach(self, own: int, other: int) -> None:
        if self.model.may_attach(own, other):
            ticket_families.set_parent(self.rt, self.actor, self.ids[own], self.ids[other], None)
            self.model.parents[own] = other
        else:
            with pytest.raises((RelationRefused, FieldError)):
                ticket_families.set_parent(self.rt, self.actor, self.ids[own], self.ids[other], None)

    def _detach(self, own: int, _: int) -> None:
        ticket_families.remove_parent(self.rt, self.actor, self.ids[own], None)
        self.model.parents.pop(own, None)

    def agrees(self) -> bool:
        """Tell whether every ticket is and shows what the model says."""
        for place, ticket_id in enumerate(self.ids):
            ticket = tickets.get_ticket(self.rt, self.actor, ticket_id)
            page = comments.list_comments(self.rt, self.actor, ticket_id, PageRequest())
            assert ticket.merged_into_id == self._id(self.model.into.get(place))
            assert ticket.parent_id == self._id(self.model.parents.get(place))
            assert (ticket.status.value == "closed") == (place in self.model.into)
            assert [one.body for one in page.items] == self.model.shown(place)
            survivor = self.ids[self.model.survivor(place)]
            assert {one.survivor_id or one.ticket_id for one in page.items} <= {survivor}
        return True

    def _id(self, place: int | None) -> UUID | None:
        return None if place is None else self.ids[place]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STORIES)
def test_no_story_makes_a_circle_and_every_comment_is_shown_where_it_belongs(
    rt: Runtime, acme: Tenant, story: list[tuple[str, int, int]]
) -> None:
    played = Story(rt, acme)
    for deed, own, other in story:
        played.play(deed, own, other)

    assert played.agrees()
