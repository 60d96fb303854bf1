"""A20: what runs with its owner's rights is no door through the walls: views, and functions that are SECURITY DEFINER.

The walls themselves are tried in `test_walls`.
"""

from psycopg import sql

from tests.support.databases import MigratedDatabase

_VIEWS = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    WHERE c.relkind IN ('v', 'm') AND NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}' ORDER BY 1
"""
# Whoever may call it chooses what its names mean, unless it says so itself.
_FUNCTIONS = """
    SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'public'
    WHERE p.prosecdef AND (
        has_function_privilege('public', p.oid, 'EXECUTE')
        OR NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE starts_with(setting, 'search_path=')))
    ORDER BY 1
"""
_ALL_DEFINERS = """
    SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'public'
    WHERE p.prosecdef ORDER BY 1
"""


def doors(database: MigratedDatabase) -> list[str]:
    """Return the views and functions that would show the rows of all organizations to whoever asks."""
    return [str(name) for query in (_VIEWS, _FUNCTIONS) for (name,) in database.rows(query)]


def test_a20_no_view_and_no_function_is_a_door(database: MigratedDatabase) -> None:
    assert doors(database) == []
    assert len(database.rows(_ALL_DEFINERS)) > 3


def test_a20_a_door_is_found(database: MigratedDatabase) -> None:
    database.run(sql.SQL("CREATE VIEW every_ticket AS SELECT * FROM tickets"))
    database.run(sql.SQL("CREATE VIEW own_tickets WITH (security_invoker=true) AS SELECT * FROM tickets"))
    made = "CREATE FUNCTION {} RETURNS bigint LANGUAGE sql SECURITY DEFINER {} AS 'SELECT count(*) FROM tickets'"
    database.run(sql.SQL(made.format("how_many()", "SET search_path = public")))
    database.run(sql.SQL(made.format("how_many_here()", "")))
    database.run(sql.SQL("REVOKE ALL ON FUNCTION how_many_here() FROM PUBLIC"))

    assert doors(database) == ["every_ticket", "how_many", "how_many_here"]
