"""The way into the supervisor: claims PSMS_HOME, describes the stack and runs it, for `psms up`."""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import BinaryIO

from psms.adapters.open_files import raise_limit_of_open_files
from psms.embedded.home import keep_secrets, locked, prepare_home
from psms.embedded.output import Output, wants_colour
from psms.embedded.running import outlive_last_stack
from psms.embedded.stack import PSMS, describe
from psms.embedded.supervisor import Supervisor
from psms.settings import Settings


def start(
    environment: Mapping[str, str] | None = None,
    *,
    psms_command: tuple[str, ...] = PSMS,
    stream: BinaryIO | None = None,
) -> int:
    """Run the whole stack in the foreground until it is told to stop, and return the exit status.

    Raises Misconfigured, before anything is started, when it cannot be.
    """
    variables = os.environ if environment is None else environment
    home = prepare_home(Settings.from_env(variables).home)
    with locked(home):
        output = Output(home.logs, colour=wants_colour(variables, is_terminal=sys.stdout.isatty()), stream=stream)
        try:
            for process in outlive_last_stack(home):
                output.say(f"killed {process.name}, process {process.pid}, which an earlier start had left behind")
            stack = describe(variables, home, keep_secrets(home), psms_command)
            raise_limit_of_open_files()
            return asyncio.run(Supervisor(stack, output).run())
        finally:
            output.close()
