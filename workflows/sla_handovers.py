"""Teams' own clocks: a stay with a team is measured from the hand-over on. How clocks move is in `sla_clocks`."""

from dataclasses import replace

from psms.domain.sla.book import BookedPromise
from psms.domain.sla.facts import HandedOver, PromiseChanged
from psms.domain.sla.instants import instant_of
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.pages import Ending
from workflows.sla_clocks import AsOf, Case, followed, is_under


def handed_over(act: Act, case: Case, after: Ticket) -> Case:
    """Return a case whose ticket another team has since this instant, or no team any more: *after*.

    The stay so far has ended; a new one begins under today's agreement, if there is one for it.
    """
    measured = replace(case, locked=replace(case.locked, ticket=after), agreement=case.measures.agreement_for(after))
    return followed(act, measured, HandedOver(at=instant_of(act.now)))


def agreed(act: Act, case: Case) -> Case:
    """Return a case under the agreement that the book has for its ticket's team; it stays where there is none."""
    agreement = case.measures.agreement_for(case.ticket)
    return case if agreement is None else agreed_from(act, case, agreement, AsOf(at=instant_of(act.now)))


def agreed_from(act: Act, case: Case, agreement: BookedPromise, as_of: AsOf) -> Case:
    """Return a case under *agreement* from *as_of* on; as it is where its team's clock runs under it already."""
    going = next((kept for kept in case.clocks if kept.metric.is_operational and kept.clock.is_active), None)
    if going is not None and is_under(going, agreement):
        return case
    fact = PromiseChanged(at=as_of.at, promise=agreement.terms, mode=as_of.mode)
    return followed(act, replace(case, agreement=agreement), fact, as_of.ran_of)


def endings(before: Case, after: Case) -> list[Ending]:
    """Return which clocks of a ticket have ended: nobody need come for these any more."""
    going = {kept.id for kept in after.clocks if kept.clock.is_active}
    ended = [kept.id for kept in before.clocks if kept.clock.is_active and kept.id not in going]
    return [Ending(ticket=after.ticket, clock_id=clock_id) for clock_id in ended]
