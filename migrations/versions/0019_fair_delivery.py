"""How endpoints want to be called, fairness among their lanes, and deliveries in order. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; endpoints are called as they were."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
