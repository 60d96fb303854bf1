"""SLA policies, clocks, timers and notifications. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Build the tables of SLA."""
    run_all(revision)


def downgrade() -> None:
    """Take them back."""
    run_down(revision)
