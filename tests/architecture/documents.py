"""What the documents say, for comparison with the code: error tables, decision records, file names."""

import re
from pathlib import Path

from tests.architecture.sources import ROOT

ADR_PARTS = ("Context.", "Decision.", "Consequences.", "Alternatives.", "Enforced by.")

_ERROR_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| .+ \|$", re.MULTILINE)
_FILE_NAME = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|yml|txt|md)|Makefile)`")
_HEADING = re.compile(r"# (\d{4}) \S")


def documented_errors(text: str) -> dict[str, tuple[int, str]]:
    """The rows of an error table: code to status and sentence."""
    return {code: (int(status), sentence) for code, status, sentence in _ERROR_ROW.findall(text)}


def incomplete_record(name: str, text: str) -> list[str]:
    """What a decision record lacks of its form."""
    heading = _HEADING.match(text)
    lacking = [f"{name}: lacks **{part}**" for part in ADR_PARTS if f"\n\n**{part}** " not in text]
    if heading is None or not name.startswith(heading.group(1)):
        lacking.append(f"{name}: its heading must begin with its number")
    return lacking


def missing_numbers(names: list[str]) -> list[str]:
    """The numbers that decision records skip, or that two of them share."""
    wanted = [f"{number:04}" for number in range(1, len(names) + 1)]
    return sorted(set(wanted) ^ {name[:4] for name in names})


def missing_files(name: str, text: str) -> list[str]:
    """Files and folders that a document names in backticks and that do not exist, save what PSMS makes itself."""
    named = [path for path in _FILE_NAME.findall(text) if not path.startswith(".psms/")]
    return [f"{name}: {path} does not exist" for path in named if not (ROOT / path).exists()]


def pages(folder: str) -> list[Path]:
    """The Markdown pages of a folder of the project, by name."""
    return sorted((ROOT / folder).glob("*.md"))
