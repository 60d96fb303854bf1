"""Running sqlmap, where there is one, against addresses in which stars mark what is tried; what is tried is elsewhere.

PSMS does not depend on it: sqlmap is a program of its own under the GPL, and whoever wants the scan installs it.
"""

import csv
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_UNHURT = re.compile(r"parameter '([^']+)' does not seem to be injectable")
_LEVEL = "2"
_DOUBTED = "false positive"
# An answer that differs each time by its own id looks as if what was injected had made the difference.
_SAME = "X-Request-ID: scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a run found: addresses with a hole, those that only looked so, and how many parameters it tried in vain.

    What only looks so is what sqlmap took for a hole at first and then, by asking more, found to be none.
    """

    holes: tuple[str, ...]
    doubted: tuple[str, ...]
    unhurt: int
    output: str


def command() -> tuple[str, ...] | None:
    """Return how sqlmap is started here, None where it is not installed."""
    if (program := shutil.which("sqlmap")) is not None:
        return (program,)
    if importlib.util.find_spec("sqlmap") is None:
        return None
    return (sys.executable, "-c", "from sqlmap.sqlmap import main; main()")


def scan(start: Sequence[str], addresses: Sequence[str], token: str, directory: Path) -> Scan:
    """Try everything of level 2 at every star of *addresses*, as the holder of *token*."""
    targets = directory / "targets"
    targets.write_text("\n".join(addresses), encoding="utf-8")
    done = subprocess.run(
        (*start, "-m", str(targets), "--headers", f"Authorization: Bearer {token}\n{_SAME}", *_options(directory)),
        cwd=directory,
        env={**os.environ, "HOME": str(directory)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    rows = _rows(directory)
    doubted = {row["Target URL"] for row in rows if _DOUBTED in row["Note(s)"]}
    return Scan(
        holes=tuple(row["Target URL"] for row in rows if row["Target URL"] not in doubted),
        doubted=tuple(sorted(doubted)),
        unhurt=len(_UNHURT.findall(done.stdout)),
        output=done.stdout,
    )


def _options(directory: Path) -> tuple[str, ...]:
    out = str(directory / "out")
    return ("--batch", "--level", _LEVEL, "--threads", "4", "--disable-coloring", "--output-dir", out)


def _rows(directory: Path) -> list[dict[str, str]]:
    # With many targets, sqlmap lists in one table those with a technique that seemed to work, and others without.
    found: list[dict[str, str]] = []
    for table in sorted((directory / "out").glob("results-*.csv")):
        with table.open(encoding="utf-8", newline="") as lines:
            found += [row for row in csv.DictReader(lines) if row["Technique(s)"]]
    return found
