"""What the processes of a system cost: CPU time and memory, read from /proc. Which they are is decided elsewhere."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_KIB = 1024
# What a command line must contain, and what the process is called in the figures. The first that fits counts.
_KINDS = (
    ("leash.py", "leash"),
    ("psms up", "supervisor"),
    ("psms api", "api"),
    ("psms beat", "beat"),
    ("psms flower", "flower"),
    ("--queues webhooks", "worker webhooks"),
    ("psms worker", "worker core"),
    ("postgres", "postgres"),
    ("valkey", "valkey"),
)


def kind_of(command_line: str) -> str:
    """Return what a process of the stack is called in the figures."""
    return next((kind for part, kind in _KINDS if part in command_line), "other")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that live processes and their ended children have used."""
    return sum(_ticks(pid) for pid in pids) / _TICKS


def cpu_by_kind(processes: Mapping[int, str]) -> Counter[str]:
    """Return the CPU time, in seconds, by kind of process."""
    spent: Counter[str] = Counter()
    for pid, line in processes.items():
        spent[kind_of(line)] += _ticks(pid) / _TICKS  # type: ignore[assignment]  # Counter adds floats as well
    return spent


def memory_by_kind(processes: Mapping[int, str]) -> dict[str, float]:
    """Return the proportional set size, in MiB, by kind of process: shared pages are counted once."""
    held: dict[str, float] = {}
    for pid, line in processes.items():
        kind = kind_of(line)
        held[kind] = held.get(kind, 0.0) + _pss_kib(pid) / _KIB
    return held


def descendants(pid: int) -> list[int]:
    """Return *pid* and everything that it started, as far as it lives."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found.extend(int(child) for child in _text(task).split())
    return found


def _ticks(pid: int) -> int:
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    # utime, stime, and those of children that were waited for: fields 14 to 17 of proc(5).
    return sum(int(field) for field in fields[11:15])


def _pss_kib(pid: int) -> int:
    lines = _text(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # it has ended
