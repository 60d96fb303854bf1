"""`psms work`: dead and waiting work, listed, shown and tried again; what is dead is decided elsewhere."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.errors import NotFound

if TYPE_CHECKING:
    from psms.domain.operations import WorkItem
    from psms.runtime import Runtime

_ROW = "{:<10} {:<36} {:<10} {:>5}  {:<20} {}"
_SEARCHED = 100_000


@click.group()
def work() -> None:
    """List what is dead or waiting, and try dead work again."""


@work.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many of each.")
def list_work(limit: int) -> None:
    """List what has been given up, then what waits, each oldest first."""
    rt = _runtime()
    dead, waiting = _ask("dead_work", rt, limit), _ask("waiting_work", rt, limit)
    for title, items in (("Dead", dead), ("Waiting", waiting)):
        click.echo(f"{title}: {_count(items, limit)}")
        if items:
            click.echo("  " + _ROW.format("kind", "id", "state", "tries", "since", "what"))
        for item in items:
            click.echo("  " + _row(item))
    if dead:
        click.echo("Try again with `python -m psms work retry ID`, or --all.")


@work.command("show")
@click.argument("work_id", type=click.UUID)
def show_work(work_id: UUID) -> None:
    """Show everything about one piece of work."""
    item = _found(_runtime(), work_id)
    click.echo(f"kind          {item.kind}")
    click.echo(f"id            {item.id}")
    click.echo(f"organization  {item.organization_id}")
    click.echo(f"what          {item.what}")
    click.echo(f"state         {item.state}")
    click.echo(f"reason        {item.reason or '-'}")
    click.echo(f"tries         {item.attempts}")
    click.echo(f"since         {item.since.isoformat()}")


@work.command("retry")
@click.argument("work_ids", type=click.UUID, nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="All that is dead, instead of some ids.")
def retry_work(work_ids: tuple[UUID, ...], *, everything: bool) -> None:
    """Make dead work due again; workers take it up within a second."""
    if bool(work_ids) == everything:
        raise click.UsageError("Give the ids of dead work, or --all.")
    rt = _runtime()
    count = load("workflows.work:retry_work")(rt, None if everything else list(work_ids))
    if count < len(work_ids):
        raise NotFound(f"{count} of {len(work_ids)} will be tried again; the others are not dead work (any more)")
    click.echo(f"{count} will be tried again.")


def _runtime() -> "Runtime":
    settings = startup.begin("work")
    startup.require_fit_database(settings)
    rt: Runtime = load("workflows.boot:runtime_for")(settings, worker="work")
    return rt


def _ask(question: str, rt: "Runtime", limit: int) -> "list[WorkItem]":
    items: list[WorkItem] = load(f"workflows.work:{question}")(rt, limit)
    return items


def _found(rt: "Runtime", work_id: UUID) -> "WorkItem":
    for question in ("dead_work", "waiting_work"):
        for item in _ask(question, rt, _SEARCHED):
            if item.id == work_id:
                return item
    raise NotFound(f"no dead or waiting work has the id {work_id}: see `python -m psms work list`")


def _count(items: "list[WorkItem]", limit: int) -> str:
    return f"{limit} or more; the oldest are" if len(items) == limit else str(len(items))


def _row(item: "WorkItem") -> str:
    since = item.since.strftime("%Y-%m-%d %H:%M:%S")
    what = f"{item.what} ({item.reason})" if item.reason else item.what
    return _ROW.format(item.kind, str(item.id), item.state, item.attempts, since, what)
