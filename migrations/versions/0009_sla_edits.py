"""Edits dated by themselves, rebases that can be watched, voided breaches, previews of any size; SQL beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what edits of calendars and policies, and breaches that do not count, need."""
    run_all(revision)


def downgrade() -> None:
    """Take it back; breaches that were voided count again."""
    run_down(revision)
