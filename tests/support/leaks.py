"""Looks for secrets where none may be; how they are made and where to look is up to the tests."""

from base64 import b64encode
from collections.abc import Mapping

# Shorter ones might be found by chance.
_SHORTEST = 16
_PREFIXES = ("sda_", "sdc_", "whsec_")


def spellings(secret: str) -> set[str]:
    """Return the ways in which *secret* may be written down: without its prefix, in base64, in the hex of bytes."""
    bare = next((secret.removeprefix(prefix) for prefix in _PREFIXES if secret.startswith(prefix)), secret)
    assert len(bare) >= _SHORTEST, "too short to be told from chance"
    return {secret, bare, b64encode(secret.encode()).decode().rstrip("="), bare.encode().hex()}


def leaks(sources: Mapping[str, str], secrets: Mapping[str, str]) -> list[str]:
    """Return `secret in source` for each of *secrets* that one of the *sources* holds, by their names."""
    return [
        f"{name} in {source}"
        for source, text in sources.items()
        for name, secret in secrets.items()
        if any(spelling in text for spelling in spellings(secret))
    ]
