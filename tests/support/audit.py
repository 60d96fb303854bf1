"""Has a locked dependency a known flaw? `python -m tests.support.audit` says, and what it could not look at.

pip-audit alone calls a package that its source does not know "could not be audited" and passes, so that without
the source everything passes.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

_LOCKED = Path(__file__).resolve().parents[2] / "requirements.txt"
# Any release would do: it is asked for to learn whether the source has what pip-audit wants of each package.
_SOURCE = "https://pypi.org/pypi/pip/25.0/json"
_PATIENCE_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found: sentences about vulnerable packages, and the names of those not looked at."""

    vulnerable: tuple[str, ...]
    skipped: tuple[str, ...]


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
    )


def source_answers(address: str = _SOURCE) -> bool:
    """Answer whether the data about vulnerabilities can be reached from here."""
    try:
        with urlopen(address, timeout=_PATIENCE_S) as answer:  # noqa: S310 (the address is ours)
            return "vulnerabilities" in json.load(answer)
    except (OSError, HTTPException, ValueError):
        return False


def main() -> int:
    """Audit the production lock; return 1 when something is vulnerable."""
    if not source_answers():
        _say(["SKIPPED: the dependency audit did not run, since its data at pypi.org cannot be reached from here"])
        return 0
    command = (sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", "-r", str(_LOCKED))
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not ended.stdout:
        return ended.returncode or 1
    audit = audit_of(ended.stdout)
    _say([f"SKIPPED: {name} could not be audited" for name in audit.skipped])
    _say(audit.vulnerable or ["no known vulnerability in what was audited"])
    return 1 if audit.vulnerable else 0


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
