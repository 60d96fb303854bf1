"""`psms sla`: hold the SLA clocks against their ledgers. What must follow from what is in `psms.domain.sla`."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli.lazy import load
from psms.cli.proving import end_with, for_programs, one_organization, proven
from psms.domain.sla.zones import package_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psms.domain.sla.verifying import Verified


@click.group()
def sla() -> None:
    """Prove that what is due when follows from what happened."""


@sla.command()
@one_organization
@for_programs
def verify(organization: UUID | None, *, as_json: bool) -> None:
    """Compute every clock once more from its ledger, and name what is kept otherwise. Changes nothing.

    Ends with 0 when nothing is, 1 when something is.
    """
    rt, wanted = proven("sla", organization)
    check = load("workflows.sla_verification:verify_clocks")
    reports: list[Verified] = [check(rt, one) for one in wanted]
    end_with(reports, _tell, wrong=any(report.differences for report in reports), as_json=as_json)


def _tell(reports: "Sequence[Verified]") -> None:
    for report in reports:
        state = "do NOT all follow" if report.differences else "follow"
        other = f"; {report.unmeasured} were measured with other time-zone data, and do not follow by those of here"
        measured = report.clocks - report.unmeasured
        click.echo(
            f"organization {report.organization_id}: {measured} clocks {state} from their ledgers"
            f"{other if report.unmeasured else ''}"
        )
        for release, clocks in report.needed.items():
            click.echo(
                f"  {clocks} need the time-zone data {release}: in a copy of this environment, "
                f"`pip install tzdata=={package_version(release)}` and verify again"
            )
        for one in report.differences:
            click.echo(
                f"  ticket {one.ticket_id}, clock {one.clock_id}, {one.field}: "
                f"kept is {one.kept}, but {one.follows} follows"
            )
