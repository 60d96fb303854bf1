"""House rules over the tables as SQLAlchemy describes them: each returns a sentence for every breach.

What only the real database knows (policies, grants, functions) is tested against a real database.
"""

from collections.abc import Iterator

from sqlalchemy import (
    Column,
    DateTime,
    Enum,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapper

TENANT = "organization_id"


def naive_datetimes(metadata: MetaData) -> list[str]:
    """Every instant says which instant it is."""
    return [
        f"{table.name}.{column.name}: make it DateTime(timezone=True); an instant without a zone is a guess"
        for table, column in _columns(metadata)
        if isinstance(column.type, DateTime) and not column.type.timezone
    ]


def enum_columns(metadata: MetaData) -> list[str]:
    """Statuses are text with a check: a new one is then a small migration."""
    return [
        f"{table.name}.{column.name}: use text with a check, not an enum type"
        for table, column in _columns(metadata)
        if isinstance(column.type, Enum)
    ]


def unindexed_foreign_keys(metadata: MetaData) -> list[str]:
    """Without an index, deleting a parent reads the whole child table."""
    return [
        f"{table.name}: no index serves the foreign key ({', '.join(key.column_keys)})"
        for table in metadata.sorted_tables
        for key in table.foreign_key_constraints
        if not any(_serves(columns, key) for columns in _index_columns(table))
    ]


def foreign_keys_across_tenants(metadata: MetaData) -> list[str]:
    """A key between two tenant tables carries the organization, so that no row can point into another one."""
    return [
        f"{table.name}: lead the foreign key ({', '.join(key.column_keys)}) with the organization"
        for table in metadata.sorted_tables
        for key in table.foreign_key_constraints
        if TENANT in key.referred_table.columns and TENANT not in {e.column.name for e in key.elements}
    ]


def primary_keys_without_tenant(metadata: MetaData) -> list[str]:
    """A tenant table's key begins with the organization, or is a position that the database counts."""
    return [
        f"{table.name}: lead the primary key with {TENANT}"
        for table in metadata.sorted_tables
        if TENANT in table.columns
        and (first := next(iter(table.primary_key.columns))).name != TENANT
        and first.identity is None
    ]


def lazy_relationships(mappers: list[Mapper[object]]) -> list[str]:
    """No attribute access may run a query: what is needed is asked for where the transaction is."""
    return [
        f"{relationship}: set lazy='raise' and load it in the query"
        for mapper in mappers
        for relationship in mapper.relationships
        if relationship.lazy != "raise"
    ]


SCHEMA_RULES = (
    naive_datetimes,
    enum_columns,
    unindexed_foreign_keys,
    foreign_keys_across_tenants,
    primary_keys_without_tenant,
)


def _columns(metadata: MetaData) -> Iterator[tuple[Table, Column[object]]]:
    return ((table, column) for table in metadata.sorted_tables for column in table.columns)


def _index_columns(table: Table) -> Iterator[list[str]]:
    for index in table.indexes:
        if _covers_every_reference(index):
            yield [getattr(expression, "name", "") for expression in index.expressions]
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield [column.name for column in constraint.columns]


def _covers_every_reference(index: Index) -> bool:
    """A partial index serves a foreign key only if all that it leaves out is null."""
    where = index.dialect_options["postgresql"]["where"]
    return where is None or str(where).upper().endswith(" IS NOT NULL")


def _serves(columns: list[str], key: ForeignKeyConstraint) -> bool:
    wanted = set(key.column_keys)
    return set(columns[: len(wanted)]) == wanted
