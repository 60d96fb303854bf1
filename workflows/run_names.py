"""The kinds of workflow runs by name, and how a new run of each begins. What they do is in `run_kinds`.

Apart from it, so that an act may begin a run whose steps do such acts in their turn.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """The newest version of a kind, with its first step."""

    kind: str
    version: int
    first: str


AUTO_CLOSE = "ticket.auto_close"
APPROVAL = "ticket.approval"
CHANGE_WINDOW = "change.window"

NEWEST: dict[str, Beginning] = {
    one.kind: one
    for one in (
        Beginning(kind=AUTO_CLOSE, version=1, first="close"),
        Beginning(kind=APPROVAL, version=1, first="look"),
        Beginning(kind=CHANGE_WINDOW, version=1, first="remind"),
    )
}
"""By kind; a test compares them with the definitions."""
