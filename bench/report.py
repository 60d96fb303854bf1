"""What a run found, as a table for people and one JSON document for programs. Nothing is measured here."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TextIO

_WIDE = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value. *limits* are measured in the same run, in the same unit: what no system could beat."""

    name: str
    value: float
    unit: str
    limits: dict[str, float] = field(default_factory=dict)
    target: str = ""
    details: dict[str, float] = field(default_factory=dict)

    def ratios(self) -> dict[str, float]:
        """Return the value as a share of each limit."""
        return {name: round(self.value / limit, 3) for name, limit in self.limits.items() if limit}


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which *share* of the sorted values lie; 0 where there is none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def spread(ordered: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99 and the maximum of sorted milliseconds."""
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
    return {name: round(percentile(ordered, share), 2) for name, share in shares.items()}


def write_json(figures: Sequence[Figure], out: TextIO) -> None:
    """Write the one document."""
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}
    rows = [{**asdict(figure), "ratios": figure.ratios()} for figure in figures]
    json.dump({"machine": machine, "load_average": os.getloadavg(), "figures": rows}, out, indent=1)
    out.write("\n")


def write_table(figures: Sequence[Figure], out: TextIO) -> None:
    """Write one line for each figure, with its share of each limit, and its details below."""
    for figure in figures:
        limits = "  ".join(
            f"{ratio:.0%} of {name} ({figure.limits[name]:.4g})" for name, ratio in figure.ratios().items()
        )
        target = f"  [target: {figure.target}]" if figure.target else ""
        out.write(f"{figure.name:<{_WIDE}} {figure.value:>10.4g} {figure.unit:<10} {limits}{target}\n")
        if figure.details:
            out.write("    " + "  ".join(f"{name} {value:.4g}" for name, value in figure.details.items()) + "\n")
    out.flush()
