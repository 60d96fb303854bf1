"""The project's files as text and syntax trees, for the checks to read; no check lives here."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("psms", "workflows", "workers", "api", "migrations", "beat_schedule.py")
SCRIPTS = ("deploy", "docs/examples", "bench")
EVERYTHING = (*PRODUCT, *SCRIPTS, "tests")
_NOT_OURS = {"__pycache__", "node_modules", "dist", "build"}
_HIDDEN_AND_OURS = {".ci", ".github"}


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @property
    def package(self) -> str:
        """The first part of the path: psms, workflows, tests …"""
        return PurePosixPath(self.path).parts[0]

    def inside(self, *places: str) -> bool:
        """Whether the file is one of *places* or lies below one of them."""
        path = PurePosixPath(self.path)
        return any(path.is_relative_to(place) for place in places)


@cache
def python_files(places: tuple[str, ...] = EVERYTHING) -> list[Source]:
    """Every Python file with something in it, sorted by path; read once, for one rule after the other."""
    files = {file for place in places for file in _python_below(ROOT / place)}
    return [_read(file) for file in sorted(files) if file.stat().st_size]


def text_files() -> list[Source]:
    """Every file that is text and ours, whatever its language, save the machine-made locks."""
    return list(_text_below(ROOT))


def _python_below(place: Path) -> Iterator[Path]:
    return iter([place]) if place.is_file() else place.rglob("*.py")


def _text_below(folder: Path) -> Iterator[Source]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            if _is_ours(entry.name):
                yield from _text_below(entry)
        elif not entry.name.startswith("requirements") and not _is_binary(entry):
            yield _read(entry)


def _is_ours(folder: str) -> bool:
    """Tools keep what they remember in hidden folders."""
    return folder in _HIDDEN_AND_OURS or not (folder.startswith(".") or folder in _NOT_OURS)


def _is_binary(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _read(file: Path) -> Source:
    return Source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8"))
