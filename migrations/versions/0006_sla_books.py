"""Calendars, and SLA policies as versions that never change. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add calendars and versions; what former policies promised becomes their versions, word for word."""
    run_all(revision)


def downgrade() -> None:
    """Take it back. Calendars and the versions of policies are lost."""
    run_down(revision)
