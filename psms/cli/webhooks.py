"""`psms webhooks`: prove that no event is lost on its way. What must hold is in `psms.domain.webhook_proof`."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli.lazy import load
from psms.cli.proving import end_with, for_programs, one_organization, proven
from psms.domain.webhook_proof import advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psms.domain.webhook_proof import Verified


@click.group()
def webhooks() -> None:
    """Prove that every event for a partner is delivered, waits or is shown as given up."""


@webhooks.command()
@one_organization
@for_programs
def verify(organization: UUID | None, *, as_json: bool) -> None:
    """Account for every sequence of every endpoint, and look for deliveries that nobody would send. Changes nothing.

    Ends with 0 when all is well, 1 when something is wrong; then it says what, where, and what to do.
    """
    rt, wanted = proven("webhooks", organization)
    reports: list[Verified] = load("workflows.webhook_verification:verify_webhooks")(rt, wanted)
    end_with(reports, _tell, wrong=any(report.findings for report in reports), as_json=as_json)


def _tell(reports: "Sequence[Verified]") -> None:
    for report in reports:
        click.echo(
            f"organization {report.organization_id}: {report.endpoints} endpoints, {report.given_out} sequences given "
            f"out, {report.kept + report.counted} accounted for ({report.kept} deliveries, {report.counted} counted as "
            f"removed); {report.waiting} wait; {len(report.findings) or 'nothing'} wrong"
        )
        for one in report.findings:
            where = "its outbox" if one.endpoint_id is None else f"endpoint {one.endpoint_id}"
            click.echo(f"  {where}, {one.kind}: {one.detail}; {advice(one.kind)}")
