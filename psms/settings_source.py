"""Texts of the environment, read with types. Which settings there are is in `settings`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from psms.domain.rates import Rate
from psms.errors import Misconfigured

Choice = TypeVar("Choice", bound=StrEnum)


class Source:
    """A mapping of texts, read with types; `NAME_FILE` names a file that holds the value."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Read *env*."""
        self._env = env

    def text(self, name: str, default: str) -> str:
        """Return the text, *default* where there is none."""
        return self._env.get(name, "").strip() or default

    def path(self, name: str) -> Path | None:
        """Return the absolute path, None where there is none."""
        text = self.text(name, "")
        return Path(text).absolute() if text else None

    def secret(self, name: str, default: str) -> str:
        """Return the text, which a file may hold; raise Misconfigured where it cannot be read."""
        path = self._env.get(f"{name}_FILE", "")
        if not path:
            return self.text(name, default)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            message = f"{name}_FILE names {path}, which cannot be read ({problem.strerror}): correct the path"
            raise Misconfigured(message) from problem

    def whole(self, name: str, default: int, *, at_least: int = 1) -> int:
        """Return the whole number; raise Misconfigured for what is none, or too small."""
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError:
            message = f"{name} must be a whole number, not {text!r}: correct it or unset it"
            raise Misconfigured(message) from None
        if value < at_least:
            message = f"{name} must be {at_least} or more, not {value}: correct it or unset it"
            raise Misconfigured(message)
        return value

    def whole_or_none(self, name: str, *, at_least: int) -> int | None:
        """Return the whole number, None where nothing is said; raise Misconfigured for what is none, or too small."""
        return self.whole(name, at_least, at_least=at_least) if self.text(name, "") else None

    def rate(self, name: str, default: Rate) -> Rate:
        """Return the rate, such as 600/60; raise Misconfigured for what is none."""
        text = self.text(name, "")
        try:
            return Rate.parse(text) if text else default
        except ValueError as problem:
            message = f"{name}: {problem}"
            raise Misconfigured(message) from None

    def names(self, name: str, default: str) -> tuple[str, ...]:
        """Return the names of a list separated by commas, in lower case."""
        return tuple(filter(None, (text.strip().lower() for text in self.text(name, default).split(","))))

    def choice(self, name: str, options: type[Choice], default: Choice) -> Choice:
        """Return one of *options*; raise Misconfigured for anything else."""
        text = self.text(name, default.value)
        try:
            return options(text)
        except ValueError:
            message = f"{name} must be one of {', '.join(options)}, not {text!r}"
            raise Misconfigured(message) from None
