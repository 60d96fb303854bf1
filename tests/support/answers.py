"""What partners' answers come to, as the sender would return them, for tests in which nothing is sent."""

from dataclasses import replace

from psms.domain.attempts import Outcome, SendResult

# An address that nobody listens on and nobody calls.
HOOK = "http://127.0.0.1:40009/hook"

ACCEPTED = SendResult(
    outcome=Outcome.SUCCESS,
    status=200,
    duration_ms=5,
    response_headers={},
    response_body=b"",
    response_truncated=False,
    retry_after=None,
    error=None,
    peer_ip="127.0.0.1",
)
REFUSED = replace(ACCEPTED, outcome=Outcome.HTTP_ERROR, status=500, error="The partner answered 500.")
GONE = replace(REFUSED, status=410, error="The partner answered 410.")
