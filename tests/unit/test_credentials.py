"""Tokens and secrets: their form, and that nothing else is taken for one."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psms.domain.access import Role
from psms.domain.credentials import (
    RegisteredClient,
    client_id_from,
    client_secret_from,
    digest,
    is_token,
    secret_matches,
    token_from,
)


@given(st.binary(min_size=32, max_size=32))
def test_a_token_is_recognised(random: bytes) -> None:
    assert is_token(token_from(random))


@given(st.binary(min_size=32, max_size=32), st.integers(0, 54), st.sampled_from("Aa0-"))
def test_a_mistyped_token_is_not(random: bytes, place: int, other: str) -> None:
    token = token_from(random)
    mistyped = token[:place] + other + token[place + 1 :]

    assert is_token(mistyped) == (mistyped == token)


@pytest.mark.parametrize("text", ["", "sda_", "sda_" + "a" * 51, "Bearer x", "sda_\x00", "é" * 55])
def test_nonsense_is_not_a_token(text: str) -> None:
    assert not is_token(text)


def test_a_secret_matches_its_hash_only() -> None:
    secret = client_secret_from(bytes(32))
    client = RegisteredClient(
        id=UUID(int=1),
        organization_id=UUID(int=2),
        client_id=client_id_from(bytes(12)),
        secret_hash=digest(secret),
        role=Role.ADMIN,
        scopes=(),
    )

    assert secret_matches(client, secret)
    assert not secret_matches(client, secret + "x")
    assert not secret_matches(client, "")
    assert secret.encode() not in client.secret_hash
