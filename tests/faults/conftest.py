"""What the fault tests share: how often each is repeated, and a partner whose endpoint goes when the test ends."""

import pytest


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is brought about: once, and ten times in the long form."""
    return 10 if soaking(request.config) else 1


def soaking(config: pytest.Config) -> bool:
    """Tell whether the long form is wanted."""
    return bool(config.getoption("soak"))
