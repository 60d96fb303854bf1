"""The sealed log: its chain, signatures and filters. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build what seals the log."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
