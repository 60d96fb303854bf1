"""`psms logs`: verify the log, export it, check an export. What is proved, and how, is in `psms.domain`."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.encoding import json_text
from psms.errors import PsmsError
from psms.settings import Settings

if TYPE_CHECKING:
    from psms.domain.log_proof import Verified
    from psms.runtime import Runtime

FALSE, UNVERIFIABLE = 1, 2
_INSTANTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]
_KEYS = click.option(
    "--public-key",
    "key_files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A key whose signatures count, in PEM, beside the one that this installation signs with.",
)


@click.group()
def logs() -> None:
    """Prove that the log is what was written, and export it."""


@logs.command()
@click.option("--organization", type=click.UUID, help="One organization; left out: all of them.")
@click.option("--anchor", default="", help="A directory or s3://bucket/prefix.  [PSMS_LOG_ANCHOR]")
@click.option("--json", "as_json", is_flag=True, help="A report for programs instead of sentences.")
@_KEYS
def verify(organization: UUID | None, anchor: str, key_files: tuple[Path, ...], *, as_json: bool) -> None:
    """Hold every entry against its seal, the checkpoints and the anchor.

    Ends with 0 when all is as it was written, 1 when something is not, 2 when that cannot be told.
    """
    try:
        reports = _verified(organization, anchor, key_files)
    except PsmsError as problem:
        _cannot(problem)
    findings = [finding for report in reports for finding in report.findings]
    if as_json:
        click.echo(json_text({"verified": not findings, "organizations": [asdict(report) for report in reports]}))
    else:
        _tell(reports)
    sys.exit(FALSE if findings else 0)


@logs.command()
@click.option("--organization", type=click.UUID, required=True, help="Whose log.")
@click.option("--from", "since", type=click.DateTime(_INSTANTS), help="At this instant (UTC) or later.")
@click.option("--to", "until", type=click.DateTime(_INSTANTS), help="Before this instant (UTC); left out: until now.")
def export(organization: UUID, since: datetime | None, until: datetime | None) -> None:
    """Write a log as JSON Lines to standard output; the last line is a signed manifest.

    The log itself says that it was exported.
    """
    span = load("psms.domain.logs:Span")(since=_in_utc(since), until=_in_utc(until))
    for line in load("workflows.log_exports:export_by_operator")(_runtime(), organization, span):
        sys.stdout.buffer.write(line)
    sys.stdout.flush()


@logs.command("verify-export")
@click.argument("file", type=click.File("rb"))
@_KEYS
def verify_export(file: BinaryIO, key_files: tuple[Path, ...]) -> None:
    """Hold an export against its manifest; neither a database nor a network is needed.

    Ends with 0 when it is as it was made, 1 when it is not, 2 when that cannot be told.
    """
    try:
        # Read for the key alone: with --public-key nothing of this installation is needed.
        keys = load("psms.adapters.log_keys:trusted_keys")(Settings.from_env(), key_files)
    except PsmsError as problem:
        _cannot(problem)
    check = load("psms.domain.log_export:ExportCheck")(keys.signed)
    problems = check.problems(file)
    for sentence in problems:
        click.echo(sentence)
    if not problems:
        click.echo(f"The export is as it was made: {check.entries} entries.")
    sys.exit(FALSE if problems else 0)


def _verified(organization: UUID | None, anchor: str, key_files: tuple[Path, ...]) -> "list[Verified]":
    rt = _runtime()
    witnesses = load("workflows.log_verification:Witnesses")(
        keys=load("psms.adapters.log_keys:trusted_keys")(rt.settings, key_files),
        anchored=load("psms.adapters.anchors:anchor_of")(rt.settings, anchor).read(),
    )
    everyone = load("workflows.log_verification:organizations_with_logs")(rt, witnesses)
    wanted = everyone if organization is None else [organization]
    prove = load("workflows.log_verification:verify_log")
    return [prove(rt, one, everyone, witnesses) for one in wanted]


def _tell(reports: "list[Verified]") -> None:
    for report in reports:
        gone = f", {report.dropped} of months that are no longer kept" if report.dropped else ""
        state = "as it was written" if not report.findings else "NOT as it was written"
        click.echo(
            f"organization {report.organization_id}: {state}: {report.entries} entries{gone}, "
            f"sealed to seq {report.last_seq}, signed to {report.signed_seq} by {report.checkpoints} checkpoints, "
            f"{report.anchored} of them anchored"
        )
        for finding in report.findings:
            click.echo(f"  {finding.sentence}")


def _runtime() -> "Runtime":
    settings = startup.begin("logs")
    startup.require_fit_database(settings)
    return cast("Runtime", load("workflows.boot:runtime_for")(settings, worker="logs"))


def _in_utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _cannot(problem: PsmsError) -> NoReturn:
    click.echo(f"psms: {problem.detail}", err=True)
    sys.exit(UNVERIFIABLE)
