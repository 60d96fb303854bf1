"""How a ticket's priority follows from impact and urgency, and when it does not. What else an edit does: `tickets`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psms.domain.tickets import Level, Priority, PrioritySource, Ticket
from psms.errors import FieldError

# As an organization writes it: by impact, then by urgency.
MatrixDocument = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityMatrix:
    """The priority for each impact and urgency."""

    cells: Mapping[tuple[Level, Level], Priority]

    def priority_for(self, impact: Level, urgency: Level) -> Priority:
        """Return the priority that follows from *impact* and *urgency*."""
        return self.cells[impact, urgency]

    @property
    def document(self) -> MatrixDocument:
        """The matrix as it is stored and shown."""
        return {
            impact.value: {urgency.value: self.cells[impact, urgency].value for urgency in Level} for impact in Level
        }


def matrix_of(document: MatrixDocument) -> PriorityMatrix:
    """Return the matrix that *document* writes out in full.

    Raises FieldError where more impact or more urgency would make a ticket wait longer.
    """
    cells = {
        (impact, urgency): Priority(document[impact.value][urgency.value]) for impact in Level for urgency in Level
    }
    rank = {priority: place for place, priority in enumerate(Priority)}
    levels = list(Level)
    for (impact, urgency), priority in cells.items():
        for less in _one_less(levels, impact, urgency):
            if rank[cells[less]] < rank[priority]:
                place, than = f"impact {less[0]}, urgency {less[1]}", f"impact {impact}, urgency {urgency}"
                problem = f"{place} would be {cells[less]}, which is more pressing than {priority} at {than}"
                raise FieldError("priority_matrix", problem)
    return PriorityMatrix(cells=cells)


def _one_less(levels: list[Level], impact: Level, urgency: Level) -> list[tuple[Level, Level]]:
    row, column = levels.index(impact) + 1, levels.index(urgency) + 1
    found = [(levels[row], urgency)] if row < len(levels) else []
    return [*found, (impact, levels[column])] if column < len(levels) else found


# ITIL's three by three.
USUAL = matrix_of(
    {
        "high": {"high": "critical", "medium": "high", "low": "medium"},
        "medium": {"high": "high", "medium": "medium", "low": "low"},
        "low": {"high": "medium", "medium": "low", "low": "low"},
    }
)


def priority_of_new(
    matrix: PriorityMatrix, impact: Level, urgency: Level, chosen: Priority | None
) -> tuple[Priority, PrioritySource]:
    """Return the priority of a new ticket and where it comes from: the caller's choice, else the matrix."""
    if chosen is not None:
        return chosen, PrioritySource.MANUAL
    return matrix.priority_for(impact, urgency), PrioritySource.MATRIX


def changes_between(before: Ticket, wanted: Mapping[str, Any], matrix: PriorityMatrix) -> dict[str, Any]:
    """Return the part of *wanted* that really differs from *before*, with the priority that follows.

    A priority that somebody chose, or that an escalation raised, stays until somebody chooses another, or None,
    which has it follow from impact and urgency again. A reason goes with the choice that it was given for.
    """
    after = {**wanted, **_priority_after(before, wanted, matrix)}
    return {name: value for name, value in after.items() if getattr(before, name) != value}


def _is_insisted_on(before: Ticket, wanted: Mapping[str, Any], matrix: PriorityMatrix) -> bool:
    """Tell whether the ticket's priority is named beside an impact or urgency from which another one would follow."""
    impact, urgency = wanted.get("impact", before.impact), wanted.get("urgency", before.urgency)
    if before.priority_source is not PrioritySource.MATRIX or (impact, urgency) == (before.impact, before.urgency):
        return False
    return matrix.priority_for(impact, urgency) is not before.priority


def _priority_after(before: Ticket, wanted: Mapping[str, Any], matrix: PriorityMatrix) -> dict[str, Any]:
    chosen: Priority | None = wanted.get("priority")
    if chosen is before.priority and "priority_reason" not in wanted and not _is_insisted_on(before, wanted, matrix):
        return {}
    if chosen is not None:
        return {"priority_source": PrioritySource.MANUAL, "priority_reason": wanted.get("priority_reason")}
    if "priority" not in wanted and before.priority_source is not PrioritySource.MATRIX:
        return {}
    if wanted.get("priority_reason") is not None:
        raise FieldError("priority_reason", "goes with a priority that you choose: name it in priority")
    impact, urgency = wanted.get("impact", before.impact), wanted.get("urgency", before.urgency)
    # A matrix that was edited does not touch tickets of before, unless somebody edits them so that it counts.
    if "priority" not in wanted and (impact, urgency) == (before.impact, before.urgency):
        return {}
    follows = matrix.priority_for(impact, urgency)
    return {"priority": follows, "priority_source": PrioritySource.MATRIX, "priority_reason": None}
