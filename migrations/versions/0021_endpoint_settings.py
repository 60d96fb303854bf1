"""What endpoints show of their own headers, and public keys to verify with. The SQL stands beside it."""

from migrations.plain_sql import run_all, run_down

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the names of headers; no endpoint has any yet."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
