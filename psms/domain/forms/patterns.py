r"""Patterns of texts, such as `INV-\d{4}`: read, and matched in a time that is bounded, whatever they are.

They are a subset of regular expressions, with the same meaning, always for the whole text: alternatives of sequences
of characters, classes and repetitions, without groups. A backtracking engine is not used: there are patterns over
which one would sit for years.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

LONGEST_PATTERN = 200
MOST_REPETITIONS = 200

_DIGITS = (("0", "9"),)
_WORD = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACE = ((" ", " "), ("\t", "\r"))
_CLASSES = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_TOKEN = re.compile(
    r"(?P<atom>\[(?P<negated>\^?)(?P<members>(?:\\.|[^\]\\])+)\]|\\(?P<escaped>.)|(?P<plain>[^\\\[\](){}*+?|^$]))"
    r"(?P<times>[*+?]|\{[0-9]{1,3}(?:,[0-9]{0,3})?\})?",
    re.DOTALL,
)
_MEMBER = re.compile(r"\\(?P<escaped>.)|(?P<plain>[^\\])", re.DOTALL)

Ranges = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """One character of *ranges*, or none of them where it is *negated*, from *least* to *most* times."""

    ranges: Ranges
    negated: bool
    least: int
    most: int

    def takes(self, character: str) -> bool:
        """Tell whether *character* is one of those meant."""
        return any(first <= character <= last for first, last in self.ranges) is not self.negated


Pattern = tuple[tuple[Repeated, ...], ...]


@lru_cache(maxsize=1024)
def pattern_of(text: str) -> Pattern:
    """Return the pattern that *text* writes; raise ValueError with what is wrong with it, or is not taken here."""
    if not 1 <= len(text) <= LONGEST_PATTERN:
        message = f"a pattern has 1 to {LONGEST_PATTERN} characters"
        raise ValueError(message)
    return tuple(_sequence(one) for one in _alternatives(text))


def matches(pattern: Pattern, text: str) -> bool:
    """Tell whether the whole of *text* is as *pattern* says."""
    return any(_matches_sequence(sequence, text) for sequence in pattern)


def _matches_sequence(sequence: Sequence[Repeated], text: str) -> bool:
    # Bit n: n characters may have been taken so far. One shift takes one more from each place at once.
    places = 1
    for item in sequence:
        taken = _places_taken(item, text)
        for _ in range(item.least):
            places = (places & taken) << 1
        reached = places
        for _ in range(min(item.most, len(text)) - item.least):
            reached = (reached & taken) << 1
            if not reached:
                break
            places |= reached
        if not places:
            return False
    return bool(places >> len(text) & 1)


def _places_taken(item: Repeated, text: str) -> int:
    return sum(1 << place for place, character in enumerate(text) if item.takes(character))


def _alternatives(text: str) -> list[str]:
    r"""Split at each bar that is neither escaped nor in a class."""
    parts, begun, position = [], 0, 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found:
            position = found.end()
        elif text[position] == "|":
            parts.append(text[begun:position])
            position = begun = position + 1
        else:
            raise ValueError(_not_taken(text, position))
    return [*parts, text[begun:]]


def _not_taken(text: str, position: int) -> str:
    return (
        f"{text[position]!r} at character {position + 1} is not taken here: a pattern is made of characters, classes "
        "such as [A-Z] or \\d, and repetitions such as {2,4}; it has no groups, and is always for the whole text"
    )


def _sequence(text: str) -> tuple[Repeated, ...]:
    return tuple(_repeated(found) for found in _TOKEN.finditer(text))


def _repeated(found: re.Match[str]) -> Repeated:
    least, most = _times(found["times"])
    ranges, negated = _ranges(found)
    return Repeated(ranges=ranges, negated=negated, least=least, most=most)


def _ranges(found: re.Match[str]) -> tuple[Ranges, bool]:
    if found["members"] is not None:
        return _members(found["members"]), bool(found["negated"])
    if found["escaped"] is not None:
        return _escaped(found["escaped"]), False
    if found["plain"] == ".":
        return (("\n", "\n"),), True
    return ((found["plain"], found["plain"]),), False


def _members(text: str) -> Ranges:
    """Return the ranges of a class, in which a hyphen between two characters spans those between them."""
    tokens = list(_MEMBER.finditer(text))
    ranges: list[tuple[str, str]] = []
    place = 0
    while place < len(tokens):
        one = _escaped(tokens[place]["escaped"]) if tokens[place]["escaped"] else (_single(tokens[place]["plain"]),)
        if place + 2 < len(tokens) and tokens[place + 1]["plain"] == "-":
            one = (_span(one, tokens[place + 2]),)
            place += 2
        ranges += one
        place += 1
    return tuple(ranges)


def _span(first: Ranges, last: re.Match[str]) -> tuple[str, str]:
    ending = _escaped(last["escaped"]) if last["escaped"] else (_single(last["plain"]),)
    begins, ends = first[0][0], ending[0][0]
    if first != (_single(begins),) or ending != (_single(ends),) or begins > ends:
        message = f"{begins}-{ends} is no range of characters"
        raise ValueError(message)
    return (begins, ends)


def _single(character: str) -> tuple[str, str]:
    return (character, character)


def _escaped(character: str) -> Ranges:
    if character in _CLASSES:
        return _CLASSES[character]
    if character.isalnum():
        message = f"\\{character} is not taken here: of the classes, \\d, \\w and \\s are"
        raise ValueError(message)
    return (_single(character),)


def _times(times: str | None) -> tuple[int, int]:
    named = {None: (1, 1), "?": (0, 1), "*": (0, MOST_REPETITIONS), "+": (1, MOST_REPETITIONS)}
    if times in named:
        return named[times]
    least, comma, most = str(times)[1:-1].partition(",")
    upper = (int(most) if most else MOST_REPETITIONS) if comma else int(least)
    if not int(least) <= upper <= MOST_REPETITIONS:
        message = f"{times} is no number of repetitions from 0 to {MOST_REPETITIONS}"
        raise ValueError(message)
    return int(least), upper
