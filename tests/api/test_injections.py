"""A29: what would be SQL is no order and no filter: 422 on every list, or a text that nothing has. Not: sqlmap."""

from itertools import cycle

import pytest

from psms.domain.access import Role
from tests.api.test_pages import lists

TEXTS = {"name", "tag", "target_type"}
"""Filters that take any text: what is injected is compared with, and equals nothing."""
WORDS = {("action", "password_hash")}
"""What is no SQL where a word is taken: no action is called so."""
ORDERS = ("sort", "sort_by", "order", "order_by", "orderby", "direction", "fields", "select", "filter", "where", "q")
INJECTIONS = (
    "id;drop table tickets",
    "id; DROP TABLE tickets; --",
    "password_hash",
    "secret_hash desc",
    "1 OR 1=1",
    "' OR '1'='1",
    "x' OR 'x'='x' --",
    "') OR ('1'='1",
    "1 UNION SELECT secret_hash FROM oauth_clients",
    "(SELECT pg_sleep(20))",
    "1;SELECT pg_sleep(20)",
    "%(id)s",
    ":id",
    "$1",
    "{0}",
    "\\' OR 1=1 --",
)


def parameters(client):
    """Return the parameters of every list, by address."""
    document = client.get("/openapi.json").json["paths"]
    routes = {path: {p["name"] for p in methods["get"].get("parameters", ()) if p.get("in") == "query"}
              for path, methods in document.items() if "get" in methods}  # fmt: skip
    paged = [names for names in routes.values() if "cursor" in names]
    return dict(zip(lists(client), paged, strict=True))


@pytest.fixture
def known(client):
    """The parameters of every list, once there is a ticket and an endpoint to list things of."""
    found = parameters(client)
    assert len(found) >= 10
    return found


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AGENT])
def test_a29_no_list_is_ordered_or_searched_by_what_is_sql(known, as_role, snapshot, role):
    caller = as_role(role)
    before = snapshot()
    for path in known:
        plain = caller.get(path)
        readable = plain.status_code != 403
        # Some ask for a span, which is missing.
        missing = [error["field"] for error in plain.json.get("errors", ())]
        # Each alone, with something; and all together with everything: what is refused is named, one by one.
        alone = [((order,), injection) for order, injection in zip(ORDERS, cycle(INJECTIONS), strict=False)]
        for orders, injection in (*alone, *((ORDERS, injection) for injection in INJECTIONS)):
            answer = caller.get(path, query_string=dict.fromkeys(orders, injection))
            assert answer.status_code == (422 if readable else 403), (path, orders, injection)
            if readable:
                refused = sorted(error["field"] for error in answer.json["errors"])
                assert refused == sorted([*missing, *orders]), (path, orders, injection)
    changed = {table for table, digest in snapshot().items() if digest != before[table]}
    assert changed <= {"logs"}
    assert role is Role.AGENT or changed == set()


def test_a29_no_filter_of_any_list_reaches_the_sql(client, known, snapshot):
    client.post("/v1/tickets", json={"subject": "x", "tags": ["vip"]})
    before = snapshot()
    tried = 0
    for path, names in known.items():
        for name in names:
            for injection in INJECTIONS:
                answer = client.get(path, query_string={name: injection})
                tried += 1
                if name in TEXTS or (name, injection) in WORDS:
                    assert (answer.status_code, answer.json["items"]) == (200, []), (path, name, injection)
                else:
                    assert answer.status_code == 422, (path, name, injection)
    assert tried > 30 * len(INJECTIONS)
    assert snapshot() == before


def test_a29_a_text_that_is_a_quote_is_found_as_it_is(client):
    quote = "x' OR 'x'='x"
    client.post("/v1/tickets", json={"subject": "quoted", "tags": [quote]})
    client.post("/v1/tickets", json={"subject": "other", "tags": ["vip"]})

    found = client.get("/v1/tickets", query_string={"tag": quote}).json["items"]

    assert [ticket["subject"] for ticket in found] == ["quoted"]
