"""Fixtures of the API's tests: the application on a fresh database, and callers of two organizations."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from api.app import create_app
from api.context import EXTENSION
from psms.domain.access import Role
from psms.runtime import Runtime
from tests.api.contract import contract_of
from tests.api.standing import contents, runtime_on
from tests.support.databases import MigratedDatabase, fresh_database
from tests.support.servers import PostgresServer
from tests.support.tenants import Tenant, add_caller, make_tenant


class ApiClient:
    """Calls the application with a bearer token; every answer must be as the OpenAPI document says."""

    def __init__(self, http: FlaskClient, token: str | None) -> None:
        self._http = http
        self._token = token
        self._contract = contract_of(http.application)

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send one request."""
        headers = dict(options.pop("headers", {}))
        if self._token is not None:
            headers.setdefault("Authorization", f"Bearer {self._token}")
        answer = self._http.open(path, method=method, headers=headers, **options)
        self._contract.check(method, path, answer)
        return answer

    def get(self, path: str, **options: Any) -> Any:
        """GET *path*."""
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> Any:
        """POST to *path*."""
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Any:
        """PATCH *path*."""
        return self.call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Any:
        """DELETE *path*."""
        return self.call("DELETE", path, **options)


@pytest.fixture(scope="session")
def built() -> dict[Hashable, Flask]:
    """The applications that were built so far: to build one takes longer than most tests."""
    return {}


@pytest.fixture
def http(rt: Runtime, built: dict[Hashable, Flask]) -> FlaskClient:
    """The application itself, without a token."""
    # All that an application takes from the settings when it is built; whatever else it needs it asks its runtime.
    taken = (rt.settings.public_url, rt.settings.edge, rt.settings.max_body_bytes)
    if taken not in built:
        built[taken] = create_app(rt)
    built[taken].extensions[EXTENSION] = rt
    return built[taken].test_client()


@pytest.fixture
def demo(rt: Runtime) -> Tenant:
    """An organization with an admin client."""
    return make_tenant(rt, "Demo")


@pytest.fixture
def other(rt: Runtime) -> Tenant:
    """Another organization with an admin client."""
    return make_tenant(rt, "Other")


@pytest.fixture
def client(http: FlaskClient, demo: Tenant) -> ApiClient:
    """An admin client of the organization `demo`."""
    return ApiClient(http, demo.token)


@pytest.fixture
def other_client(http: FlaskClient, other: Tenant) -> ApiClient:
    """An admin client of the organization `other`."""
    return ApiClient(http, other.token)


@pytest.fixture
def anonymous(http: FlaskClient) -> ApiClient:
    """A caller without a token."""
    return ApiClient(http, None)


@pytest.fixture
def as_role(http: FlaskClient, rt: Runtime, demo: Tenant) -> Callable[[Role], ApiClient]:
    """Return a client of *role* in the organization `demo`."""
    return lambda role: ApiClient(http, add_caller(rt, demo.organization_id, role).token)


@pytest.fixture
def count_rows(database: MigratedDatabase) -> Callable[[str], int]:
    """Return how many rows a table has, in all organizations."""
    return database.count


@pytest.fixture
def snapshot(database: MigratedDatabase) -> Callable[[], dict[str, str]]:
    """Return the whole content of the database, as a digest for each table."""
    return lambda: contents(database)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An organization that all tests of a module share, on a database of its own."""

    database: MigratedDatabase
    rt: Runtime
    tenant: Tenant
    http: FlaskClient


@pytest.fixture(scope="module")
def standing(postgres: PostgresServer) -> Iterator[Standing]:
    """An organization for those tests of a module that do not depend on what others did."""
    with fresh_database(postgres) as database, runtime_on(database) as rt:
        yield Standing(database=database, rt=rt, tenant=make_tenant(rt), http=create_app(rt).test_client())


@pytest.fixture
def still(standing: Standing) -> Iterator[ApiClient]:
    """An admin client for a test that must change nothing at all."""
    before = contents(standing.database)
    yield ApiClient(standing.http, standing.tenant.token)
    assert contents(standing.database) == before
