"""`psms up`: all of PSMS in the foreground, on servers of its own; `psms.embedded` does the work."""

import os
import signal
import sys

import click

from psms.embedded.leash import die_with_parent
from psms.embedded.start import start


@click.command()
@click.option(
    "--with-parent",
    is_flag=True,
    help="Stop when the process that started this one ends, as 'make up' needs it.",
)
def up(*, with_parent: bool) -> None:
    """Start everything and stay in the foreground; Ctrl-C stops it all.

    PostgreSQL and Valkey are brought along, unless DATABASE_URL or REDIS_URL name servers of your own.
    """
    if with_parent:
        die_with_parent(os.getppid(), signal.SIGTERM)
    sys.exit(start())
