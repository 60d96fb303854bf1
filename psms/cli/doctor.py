"""`psms doctor`: prints what the checks of `psms.embedded` and of the keys found wrong with an installation."""

import sys
from collections.abc import Iterator

import click

from psms.cli.doctor_backlog import check_backlog
from psms.cli.doctor_keys import check_keys
from psms.embedded.checks_home import check_home
from psms.embedded.checks_machine import check_machine
from psms.embedded.checks_mail import check_mail
from psms.embedded.checks_servers import check_servers
from psms.embedded.findings import Finding, Grade
from psms.embedded.running import environment_of_this_command
from psms.errors import PsmsError
from psms.settings import Settings

_COLOURS = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "red"}


@click.command()
def doctor() -> None:
    """Say what is wrong with this installation and what to do; exit status 1 when something is."""
    try:
        settings = Settings.from_env(environment_of_this_command())
    except PsmsError as problem:
        click.echo(f"The settings cannot be used: {problem.detail}", err=True)
        sys.exit(1)
    found = []
    for finding in _all_checks(settings):
        found.append(finding.grade)
        click.echo(_line(finding))
    click.echo()
    click.echo(_verdict(found))
    sys.exit(1 if Grade.FAIL in found else 0)


def _all_checks(settings: Settings) -> Iterator[Finding]:
    yield from check_machine(settings)
    yield from check_home(settings)
    yield from check_servers(settings)
    yield from check_keys(settings)
    yield from check_mail(settings)
    yield from check_backlog(settings)


def _line(finding: Finding) -> str:
    grade = click.style(f"{finding.grade:<4}", fg=_COLOURS[finding.grade])
    return f"{grade}  {finding.subject:<17} {finding.sentence}"


def _verdict(found: list[Grade]) -> str:
    failing, warnings = found.count(Grade.FAIL), found.count(Grade.WARN)
    if failing:
        return f"{failing} of {len(found)} checks failed: do what is said beside 'fail', from the top down."
    if warnings:
        return f"PSMS can work here; {warnings} of {len(found)} checks ask for attention."
    return "Everything is in order."
