"""What the fault tests share: `--soak`, which repeats each, and a partner whose endpoint goes when the test ends."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the long form: every fault many times, under more load")


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is brought about: once, and ten times in the long form."""
    return 10 if soaking(request.config) else 1


def soaking(config: pytest.Config) -> bool:
    """Tell whether the long form is wanted; a run of all tests does not know the option."""
    return bool(config.getoption("soak", default=False))
