"""Automatic assignment: how teams want it, who can what, who is away, what waits, and what was decided.

The SQL stands beside it, one file per subject.
"""

from migrations.plain_sql import run_all, run_down

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let teams have their tickets assigned; every team begins with nobody doing so."""
    run_all(revision)


def downgrade() -> None:
    """Take it back; tickets keep whom they were given to."""
    run_down(revision)
