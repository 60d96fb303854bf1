"""The service catalogue, request forms and what tickets are found by; the SQL stands beside it, one file each."""

from migrations.plain_sql import run_all, run_down

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; every service stays for everyone, and without a form."""
    run_all(revision)


def downgrade() -> None:
    """Take it back."""
    run_down(revision)
