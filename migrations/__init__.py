"""Alembic migrations, numbered; the SQL of each is in `sql`."""
