"""`psms sla`: hold the SLA clocks against their ledgers. What must follow from what is in `psms.domain.sla`."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.domain.sla.zones import package_version
from psms.encoding import json_text

if TYPE_CHECKING:
    from psms.domain.sla.verifying import Verified
    from psms.runtime import Runtime


@click.group()
def sla() -> None:
    """Prove that what is due when follows from what happened."""


@sla.command()
@click.option("--organization", type=click.UUID, help="One organization; left out: all of them.")
@click.option("--json", "as_json", is_flag=True, help="A report for programs instead of sentences.")
def verify(organization: UUID | None, *, as_json: bool) -> None:
    """Compute every clock once more from its ledger, and name what is kept otherwise. Changes nothing.

    Ends with 0 when nothing is, 1 when something is.
    """
    settings = startup.settings_with_database()
    startup.set_up_logs(settings, "sla")
    startup.require_fit_database(settings)
    rt: Runtime = load("psms.runtime:build_quiet_runtime")(settings, worker="sla")
    known: list[UUID] = load("workflows.sla_verification:organizations")(rt)
    if organization is not None and organization not in known:
        # Of it nothing is wrong, and nothing is proven.
        raise click.BadParameter("there is no such organization", param_hint="--organization")
    wanted = known if organization is None else [organization]
    check = load("workflows.sla_verification:verify_clocks")
    reports: list[Verified] = [check(rt, one) for one in wanted]
    verified = not any(report.differences for report in reports)
    if as_json:
        click.echo(json_text({"verified": verified, "organizations": [asdict(report) for report in reports]}))
    else:
        _tell(reports)
    sys.exit(0 if verified else 1)


def _tell(reports: "list[Verified]") -> None:
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
