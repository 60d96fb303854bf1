"""The SLA engine as a set of modules: the real one, or a copy of it with one fault put in. Asks it nothing."""

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

REAL = "psms.domain.sla"
_SOURCE = Path(__file__).parents[2] / REAL.replace(".", "/")


@dataclass(frozen=True)
class Engine:
    """The modules of one engine. A copy has classes of its own, which are not those of the real one."""

    package: str

    def __getattr__(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A fault: in the module *module*, *old* is written as *new*."""

    name: str
    module: str
    old: str
    new: str


class MutantNotApplicable(Exception):
    """The text that a mutant changes is not there, or is there more than once."""


ENGINE = Engine(REAL)


@contextmanager
def mutated(mutant: Mutant, directory: Path) -> Iterator[Engine]:
    """Give a copy of the engine with the fault in it, importable while the block runs."""
    package = f"mutant_{re.sub(r'[^a-z]+', '_', mutant.name.lower())}"
    copy = directory / package
    shutil.copytree(_SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    # What stands in it is the first form, which the engine does not use.
    (copy / "__init__.py").write_text('"""A copy."""\n', encoding="utf-8")
    for file in copy.glob("*.py"):
        file.write_text(file.read_text(encoding="utf-8").replace(f"{REAL}.", f"{package}."), encoding="utf-8")
    put_in(mutant, copy / f"{mutant.module}.py")
    sys.path.insert(0, str(directory))
    importlib.invalidate_caches()
    try:
        yield Engine(package)
    finally:
        sys.path.remove(str(directory))
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]


def put_in(mutant: Mutant, file: Path) -> None:
    """Write the fault into a copied file; raise MutantNotApplicable where it does not fit."""
    text = file.read_text(encoding="utf-8")
    found = text.count(mutant.old)
    if found != 1:
        raise MutantNotApplicable(f"{mutant.name}: {mutant.old!r} is {found} times in {file.name}, not once")
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
