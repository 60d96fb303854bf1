"""Data keys, the canary, and columns for ciphertext. The SQL stands beside it, one file per subject."""

from migrations.plain_sql import run_all, run_down

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what encryption needs; what is in clear is encrypted by `psms keys reencrypt`, which `migrate` runs."""
    run_all(revision)


def downgrade() -> None:
    """Take it back. What was encrypted meanwhile is lost, for the database cannot decrypt it."""
    run_down(revision)
