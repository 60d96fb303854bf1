"""The columns of a ticket's later life, and one wall for all tables. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, empty; later migrations put tables behind the wall."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
