"""Mails of notifications, kinds of webhook endpoints, and pages. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what telling people by mail and by pager needs; notifications of before are taken as told."""
    run_all(revision)


def downgrade() -> None:
    """Take it back, with what waited to be told."""
    run_down(revision)
