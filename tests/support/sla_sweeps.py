"""The sweep as it is, or a copy of it with one fault put in; the engine below it stays. Asks it nothing."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psms.runtime import Runtime
from tests.support.sla_engines import Mutant, put_in

_WORKFLOWS = Path(__file__).parents[2] / "workflows"
_COPIED = ("sla_sweep", "sla_effects", "sla_actions")

Sweep = Callable[[Runtime], int]


@contextmanager
def faulty_sweep(mutant: Mutant, directory: Path) -> Iterator[Sweep]:
    """Lend a sweep with the fault in it, importable while the block runs."""
    package = f"mutant_{re.sub(r'[^a-z]+', '_', mutant.name.lower())}"
    copy = directory / package
    copy.mkdir()
    (copy / "__init__.py").write_text('"""A copy."""\n', encoding="utf-8")
    for module in _COPIED:
        text = (_WORKFLOWS / f"{module}.py").read_text(encoding="utf-8")
        for other in _COPIED:
            text = text.replace(f"from workflows.{other} import", f"from {package}.{other} import")
        (copy / f"{module}.py").write_text(text, encoding="utf-8")
    put_in(mutant, copy / f"{mutant.module}.py")
    sys.path.insert(0, str(directory))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(f"{package}.sla_sweep").fire_due_timers
    finally:
        sys.path.remove(str(directory))
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
