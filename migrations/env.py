"""The Alembic environment: where migrations run and what autogenerate compares. No schema here."""

from collections.abc import MutableMapping
from typing import Literal

from alembic import context

from psms.db import models
from psms.db.session import owner_engine

_Kind = Literal["schema", "table", "column", "index", "unique_constraint", "foreign_key_constraint", "check_constraint"]
_Parent = Literal["schema_name", "table_name", "schema_qualified_table_name"]


def _is_compared(name: str | None, kind: _Kind, parents: MutableMapping[_Parent, str | None]) -> bool:
    """Leave out monthly partitions (`logs_202611`): upkeep makes them, no model describes them."""
    table = name if kind == "table" else parents.get("table_name")
    return not (table or "").rpartition("_")[2].isdigit()


def run() -> None:
    """Run the wanted migrations in one transaction, under a lock so that two runs at once take turns."""
    engine = owner_engine(context.config.attributes["owner_url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=models.Base.metadata,
            include_name=_is_compared,
        )
        with context.begin_transaction():
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('psms.migrations'))")
            context.run_migrations()
    engine.dispose()


run()
