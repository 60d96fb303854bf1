"""A command line that imports only the command that is called. Which commands there are is not known here."""

import gc
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click
from typing_extensions import override

from psms.errors import PsmsError


def load(target: str) -> Callable[..., Any]:
    """Return the function or class that *target*, as in "module:name", stands for."""
    module, _, name = target.partition(":")
    # What is imported stays: to look in it for garbage again and again takes a fifth of each start.
    gc.disable()
    try:
        loaded: Callable[..., Any] = getattr(import_module(module), name)
    finally:
        gc.enable()
    return loaded


class LazyGroup(click.Group):
    """A group of commands named by their targets, in the order in which they are to be listed.

    An error that PSMS raises on purpose is printed as the sentence it is, and ends the command with status 1.
    """

    def __init__(self, *args: Any, commands_at: dict[str, str], **kwargs: Any) -> None:
        """Take, by command name, where each command is."""
        super().__init__(*args, **kwargs)
        self._targets = commands_at

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._targets)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._targets:
            return None
        command = load(self._targets[cmd_name])
        return command if isinstance(command, click.Command) else None

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PsmsError as problem:
            click.echo(f"psms: {problem.detail}", err=True)
            ctx.exit(1)
