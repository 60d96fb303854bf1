"""The lifecycles as the tables of docs/lifecycle.md: `python -m tests.architecture.lifecycle_table` prints them."""

from psms.domain.lifecycle import MEANING, Edge, Guard
from psms.domain.lifecycle_tables import LIFECYCLES
from psms.domain.tickets import TicketType

_HEAD = "| from | action | to | who | what must hold | fields |\n| --- | --- | --- | --- | --- | --- |"


def lifecycle_tables() -> str:
    """Return one table for each type, and one of what guards say."""
    types = [f"### {of.value.capitalize()}\n\n{_table(of)}" for of in TicketType]
    return "\n\n".join([*types, f"### What guards say\n\n{_guards()}"])


def _table(of: TicketType) -> str:
    return "\n".join([_HEAD, *map(_row, LIFECYCLES[of].values())])


def _row(edge: Edge) -> str:
    who = "PSMS" if Guard.VOTES in edge.guards else "desk" if Guard.DESK in edge.guards else "desk, requester"
    guards = ", ".join(f"`{guard}`" for guard in edge.guards if guard is not Guard.DESK)
    fields = ", ".join(f"`{name}`" for name in edge.needs)
    cells = [edge.source.words, f"`{edge.action}`", edge.target.words, who, guards, fields]
    return f"| {' | '.join(cells)} |".replace("|  ", "| ")


def _guards() -> str:
    rows = [f"| `{guard}` | {meaning} |" for guard, meaning in MEANING.items()]
    return "\n".join(["| guard | reason |", "| --- | --- |", *rows])


if __name__ == "__main__":
    print(lifecycle_tables())  # noqa: T201
