"""Automations, and states that organizations name. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty: organizations without automations go on as before."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
