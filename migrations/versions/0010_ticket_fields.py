"""Versions of a ticket's fields, and where its priority comes from. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the database note it at every change, whoever makes it; take priorities off the matrix as chosen."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
