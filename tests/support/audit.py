"""Has a locked dependency a known flaw? `python -m tests.support.audit` says, and what it could not look at.

pip-audit alone calls a package that its source does not know "could not be audited" and passes, so that without
the source everything passes.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LOCKED = Path(__file__).resolve().parents[2] / "requirements.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found: sentences about vulnerable packages, who was not looked at, and how many were."""

    vulnerable: tuple[str, ...]
    skipped: tuple[str, ...]
    audited: int


def audit_of(report: str) -> Audit:
    """Read pip-audit's JSON *report*."""
    packages = json.loads(report)["dependencies"]
    return Audit(
        vulnerable=tuple(
            f"{package['name']} {package['version']} has {flaw['id']}: "
            f"fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
            for package in packages
            for flaw in package.get("vulns", ())
        ),
        skipped=tuple(package["name"] for package in packages if "skip_reason" in package),
        audited=sum(1 for package in packages if "skip_reason" not in package),
    )


def lines_of(audit: Audit) -> list[str]:
    """Return what to print: what is vulnerable, and loudly what nobody looked at."""
    skipped = [f"SKIPPED: {name} could not be audited" for name in audit.skipped]
    if audit.vulnerable:
        return [*skipped, *audit.vulnerable]
    if not audit.audited:
        return ["SKIPPED: nothing was audited, since the data about vulnerabilities cannot be reached from here"]
    return [*skipped, f"no known vulnerability in {audit.audited} packages"]


def main(lock: Path = _LOCKED, *options: str) -> int:
    """Audit *lock* with pip-audit and its *options*; return 1 when something is vulnerable."""
    command = (sys.executable, "-m", "pip_audit", "--disable-pip", *options, "--format", "json", "-r", str(lock))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    audit = audit_of(ended.stdout) if ended.stdout.startswith("{") else Audit(vulnerable=(), skipped=(), audited=0)
    _say(lines_of(audit))
    return 1 if audit.vulnerable else 0


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
