"""Agreements between teams, and who is told. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what measures teams' time with tickets."""
    run_all(revision)


def downgrade() -> None:
    """Take it back, with the clocks of teams."""
    run_down(revision)
