"""Teams' own clocks: a stay with a team is measured from the hand-over on. How clocks move is in `sla_clocks`."""

from dataclasses import replace

from psms.domain.sla.facts import HandedOver, PromiseChanged
from psms.domain.sla.instants import instant_of
from psms.domain.sla.timeline import Mode
from psms.domain.tickets import Ticket
from workflows.act import Act
from workflows.pages import Ending
from workflows.sla_clocks import Case, RanOf, followed, is_under


def handed_over(act: Act, case: Case, after: Ticket) -> Case:
    """Return a case whose ticket another team has since this instant, or no team any more: *after*.

    The stay so far has ended; a new one begins under today's agreement, if there is one for it.
    """
    measured = replace(case, locked=replace(case.locked, ticket=after), agreement=case.measures.agreement_for(after))
    return followed(act, measured, HandedOver(at=instant_of(act.now)))


def agreed(act: Act, case: Case, mode: Mode = Mode.CARRY, ran_of: RanOf | None = None) -> Case:
    """Return a case under the agreement that the book has for its ticket's team; it stays where there is none.

    *mode* and *ran_of* are those of `sla_clocks.promised`.
    """
    agreement = case.measures.agreement_for(case.ticket)
    going = next((kept for kept in case.clocks if kept.metric.is_operational and kept.clock.is_active), None)
    if agreement is None or (going is not None and is_under(going, agreement)):
        return case
    fact = PromiseChanged(at=instant_of(act.now), promise=agreement.terms, mode=mode)
    return followed(act, replace(case, agreement=agreement), fact, ran_of)


def endings(before: Case, after: Case) -> list[Ending]:
    """Return which clocks of a ticket have ended: nobody need come for these any more."""
    going = {kept.id for kept in after.clocks if kept.clock.is_active}
    ended = [kept.id for kept in before.clocks if kept.clock.is_active and kept.id not in going]
    return [Ending(ticket=after.ticket, clock_id=clock_id) for clock_id in ended]
