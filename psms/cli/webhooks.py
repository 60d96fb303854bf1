"""`psms webhooks`: prove that no event is lost on its way. What must hold is in `psms.domain.webhook_proof`."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.domain.webhook_proof import advice
from psms.encoding import json_text

if TYPE_CHECKING:
    from psms.domain.webhook_proof import Verified
    from psms.runtime import Runtime


@click.group()
def webhooks() -> None:
    """Prove that every event for a partner is delivered, waits or is shown as given up."""


@webhooks.command()
@click.option("--organization", type=click.UUID, help="One organization; left out: all of them.")
@click.option("--json", "as_json", is_flag=True, help="A report for programs instead of sentences.")
def verify(organization: UUID | None, *, as_json: bool) -> None:
    """Account for every sequence of every endpoint, and look for deliveries that nobody would send. Changes nothing.

    Ends with 0 when all is well, 1 when something is wrong; then it says what, where, and what to do.
    """
    settings = startup.settings_with_database()
    startup.set_up_logs(settings, "webhooks")
    startup.require_fit_database(settings)
    rt: Runtime = load("psms.runtime:build_quiet_runtime")(settings, worker="webhooks")
    known: list[UUID] = load("workflows.webhook_verification:organizations")(rt)
    if organization is not None and organization not in known:
        # Of it nothing is wrong, and nothing is proven.
        raise click.BadParameter("there is no such organization", param_hint="--organization")
    wanted = known if organization is None else [organization]
    reports: list[Verified] = load("workflows.webhook_verification:verify_webhooks")(rt, wanted)
    verified = not any(report.findings for report in reports)
    if as_json:
        click.echo(json_text({"verified": verified, "organizations": [asdict(report) for report in reports]}))
    else:
        _tell(reports)
    sys.exit(0 if verified else 1)


def _tell(reports: "list[Verified]") -> None:
    for report in reports:
        click.echo(
            f"organization {report.organization_id}: {report.endpoints} endpoints, {report.given_out} sequences given "
            f"out, {report.kept + report.counted} accounted for ({report.kept} deliveries, {report.counted} counted as "
            f"removed); {report.waiting} wait; {len(report.findings) or 'nothing'} wrong"
        )
        for one in report.findings:
            where = "its outbox" if one.endpoint_id is None else f"endpoint {one.endpoint_id}"
            click.echo(f"  {where}, {one.kind}: {one.detail}; {advice(one.kind)}")
