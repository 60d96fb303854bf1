"""Nothing that opens something stays in a log entry, under whatever name and however deep (A60)."""

import pytest

from psms.telemetry import hide_secrets

TOKEN = "sda_W5zaWF3cM8wkgLjQbQc852I8uBvCmdk5nZvnBRGoiw091372ad"


def masked(**entry):
    return dict(hide_secrets(None, "info", entry))


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "Authorization",
        "client_secret",
        "access_token",
        "set-cookie",
        "api_key",
        "private-key",
        "routing_key",
        "otp",
        "card",
    ],
)
def test_a60_what_has_a_telling_name_is_hidden_whatever_it_is(name):
    for value in ("x", 7, ["x"], {"a": "x"}, None, ValueError("x")):
        assert masked(**{name: value}) == {name: "[hidden]"}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"token {TOKEN} refused", "token [hidden] refused"),
        (f"x{TOKEN}", "x[hidden]"),
        ("sdc_" + "A" * 43, "[hidden]"),
        ("sdr_" + "A" * 43 + "!", "[hidden]!"),
        ("whsec_ab+/cd12ef==", "[hidden]"),
        ("sk_live_abcdefgh12", "[hidden]"),
        ("Authorization: Bearer eyJhbGciOi.J9", "Authorization: [hidden]"),
        ("basic dXNlcjpwYXNz", "[hidden]"),
        ("postgresql://psms:pa55@db:5432/psms", "postgresql://[hidden]@db:5432/psms"),
        ("redis://:pa55@cache/0", "redis://[hidden]@cache/0"),
    ],
)
def test_a60_what_looks_like_a_secret_is_hidden_wherever_it_stands(text, left):
    assert masked(event=text) == {"event": left}
    assert masked(facts={"inner": [text]}) == {"facts": {"inner": [left]}}
    assert masked(problem=RuntimeError(text)) == {"problem": left}


def test_what_opens_nothing_stays_as_it_is():
    entry = {"event": "request", "status": 200, "ms": 1.5, "route": "/v1/tickets/<uuid:ticket_id>", "code": "not_found"}

    assert masked(**entry) == entry
