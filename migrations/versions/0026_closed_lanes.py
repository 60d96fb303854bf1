"""Since when a lane is closed. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; lanes that are closed count as closed since they were opened last."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
