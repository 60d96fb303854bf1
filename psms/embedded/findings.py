"""What a check of the installation found: a grade and a sentence. The checks are next door."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """Whether something is in order, may become a problem, or is one."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. The sentence says what is the case and what to do about it."""

    grade: Grade
    subject: str
    sentence: str


def ok(subject: str, sentence: str) -> Finding:
    """Return that *subject* is in order."""
    return Finding(grade=Grade.OK, subject=subject, sentence=sentence)


def warn(subject: str, sentence: str) -> Finding:
    """Return that *subject* works but deserves attention."""
    return Finding(grade=Grade.WARN, subject=subject, sentence=sentence)


def fail(subject: str, sentence: str) -> Finding:
    """Return that *subject* keeps PSMS from working."""
    return Finding(grade=Grade.FAIL, subject=subject, sentence=sentence)
