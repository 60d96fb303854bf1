"""The permission matrix as the table that `docs/access.md` shows. What it means is in the code."""

import sys

from psms.domain.access.matrix import MATRIX, ORDER, Reach, Rule
from psms.domain.access.roles import Role

_CELL = {Reach.ALL: "all", Reach.TEAM: "team", Reach.OWN: "own", Reach.SCOPE: "scope", Reach.NONE: "no"}


def access_table() -> str:
    """Return the table, one row for each permission in the order of the code."""
    head = ["permission", "scope", *ORDER, "step-up"]
    rows = [
        [f"`{permission}`", f"`{rule.scope}`", *(_cell(rule, role) for role in ORDER), "yes" if rule.step_up else ""]
        for permission, rule in MATRIX.items()
    ]
    return "\n".join(_line(row) for row in [head, ["---"] * len(head), *rows])


def _cell(rule: Rule, role: Role) -> str:
    condition = rule.conditions.get(role)
    return _CELL[rule.reach[role]] + (f": {condition}" if condition else "")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells).replace("|  |", "| |") + " |"


if __name__ == "__main__":
    # So that whoever changes the matrix can paste the new table.
    sys.stdout.write(f"{access_table()}\n")
