"""The tables keep the house rules, and each rule notices a table that does not."""

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Table,
    Uuid,
    text,
)
from sqlalchemy.orm import registry, relationship

from psms.db.models import Base
from tests.architecture import schema_rules as rules


@pytest.mark.parametrize("rule", rules.SCHEMA_RULES, ids=lambda rule: rule.__name__)
def test_every_table_keeps_the_rule(rule):
    assert rule(Base.metadata) == []


def test_no_relationship_loads_by_itself():
    assert rules.lazy_relationships(list(Base.registry.mappers)) == []


def _tenant_key():
    return Column("organization_id", Uuid, primary_key=True), Column("id", Uuid, primary_key=True)


def _parent(metadata):
    Table("parents", metadata, *_tenant_key())


def _child(metadata, *more):
    _parent(metadata)
    to_parent = ForeignKeyConstraint(["organization_id", "parent_id"], ["parents.organization_id", "parents.id"])
    Table("children", metadata, *_tenant_key(), Column("parent_id", Uuid), to_parent, *more)


def _naive(metadata):
    Table("t", metadata, Column("at", DateTime))


def _enumerated(metadata):
    Table("t", metadata, Column("status", Enum("a", "b", name="status")))


def _partly_indexed(metadata):
    _child(metadata, Index("ix", "organization_id", "parent_id", postgresql_where=text("parent_id > '0'")))


def _wrongly_ordered(metadata):
    _child(metadata, Index("ix", "organization_id", "id", "parent_id"))


def _pointing_anywhere(metadata):
    _parent(metadata)
    Table("children", metadata, *_tenant_key(), Column("parent_id", ForeignKey("parents.id"), index=True))


def _keyed_by_id(metadata):
    Table("t", metadata, Column("id", Uuid, primary_key=True), Column("organization_id", Uuid))


@pytest.mark.parametrize(
    ("rule", "build"),
    [
        (rules.naive_datetimes, _naive),
        (rules.enum_columns, _enumerated),
        (rules.unindexed_foreign_keys, _child),
        (rules.unindexed_foreign_keys, _partly_indexed),
        (rules.unindexed_foreign_keys, _wrongly_ordered),
        (rules.foreign_keys_across_tenants, _pointing_anywhere),
        (rules.primary_keys_without_tenant, _keyed_by_id),
    ],
)
def test_the_rule_notices_a_breach(rule, build):
    metadata = MetaData()
    build(metadata)

    assert len(rule(metadata)) == 1


def test_a_well_made_table_passes_every_rule():
    metadata = MetaData()
    _child(
        metadata,
        Index("ix", "organization_id", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
    )
    Table(
        "queue",
        metadata,
        Column("position", BigInteger, Identity(), primary_key=True),
        Column("organization_id", Uuid),
        Column("at", DateTime(timezone=True)),
    )

    assert [breach for rule in rules.SCHEMA_RULES for breach in rule(metadata)] == []


def test_a_relationship_that_loads_by_itself_is_noticed():
    mapped = registry()

    @mapped.mapped
    class Parent:
        __table__ = Table("parents", mapped.metadata, Column("id", Uuid, primary_key=True))

    @mapped.mapped
    class Child:
        __table__ = Table(
            "children",
            mapped.metadata,
            Column("id", Uuid, primary_key=True),
            Column("parent_id", ForeignKey("parents.id")),
        )
        parent = relationship(Parent)

    mapped.configure()

    assert len(rules.lazy_relationships(list(mapped.mappers))) == 1
