"""Fixtures of the integration tests: two organizations, each with an admin client."""

import pytest

from psms.runtime import Runtime
from tests.support.tenants import Tenant, make_tenant


@pytest.fixture
def acme(rt: Runtime) -> Tenant:
    """An organization with an admin client."""
    return make_tenant(rt)


@pytest.fixture
def stranger(rt: Runtime) -> Tenant:
    """Another organization with an admin client."""
    return make_tenant(rt, "Stranger")
