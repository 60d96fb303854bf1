"""What commands that verify something of each organization have in common; what they hold against what is theirs."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.encoding import json_text

if TYPE_CHECKING:
    from psms.runtime import Runtime

one_organization = click.option("--organization", type=click.UUID, help="One organization; left out: all of them.")
for_programs = click.option("--json", "as_json", is_flag=True, help="A report for programs instead of sentences.")


def proven(name: str, organization: UUID | None) -> "tuple[Runtime, list[UUID]]":
    """Return a runtime for the command *name*, and the organizations to look at: the one that was named, or all.

    Raises BadParameter for one that is not there: of it nothing is wrong, and nothing would be proven.
    """
    settings = startup.settings_with_database()
    startup.set_up_logs(settings, name)
    startup.require_fit_database(settings)
    rt: Runtime = load("psms.runtime:build_quiet_runtime")(settings, worker=name)
    known: list[UUID] = load("workflows.sla_verification:organizations")(rt)
    if organization is not None and organization not in known:
        raise click.BadParameter("there is no such organization", param_hint="--organization")
    return rt, known if organization is None else [organization]


def end_with(reports: Sequence[Any], tell: Callable[[Sequence[Any]], None], *, wrong: bool, as_json: bool) -> None:
    """Print reports, which are dataclasses, as JSON or as *tell* does; exit with 1 where something is *wrong*."""
    if as_json:
        click.echo(json_text({"verified": not wrong, "organizations": [asdict(report) for report in reports]}))
    else:
        tell(reports)
    sys.exit(1 if wrong else 0)
