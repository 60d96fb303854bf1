"""`psms drain`: everything that is due, done here and now, without Celery, Redis or Beat."""

import signal
from typing import TYPE_CHECKING, cast

import click

from psms.cli import startup
from psms.cli.lazy import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from psms.runtime import Runtime


@click.command()
def drain() -> None:
    """Do all that is due, without Celery.

    Ends when nothing is due any more. Safe beside running workers. Ctrl-C ends it after what it holds.
    """
    settings = startup.begin("drain")
    startup.require_fit_database(settings)
    drains = cast("dict[str, Callable[[Runtime], int]]", load("workflows.drains:DRAINS"))
    rt: Runtime = load("workflows.boot:runtime_for")(settings, worker="drain")
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, lambda *_: rt.stopping.set())
    done = dict.fromkeys(drains, 0)
    busy = True
    while busy and not rt.stopping.is_set():
        # What one drain does makes work for another, so until a whole pass finds nothing.
        counts = {task: work(rt) for task, work in drains.items()}
        done = {task: done[task] + count for task, count in counts.items()}
        busy = any(counts.values())
    for task, count in done.items():
        click.echo(f"{task}: {count}")
    click.echo("Stopped before the end." if rt.stopping.is_set() else "Nothing is due any more.")
