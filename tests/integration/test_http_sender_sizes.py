"""How much of an answer the webhook sender reads, keeps and holds in memory, however much there is."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from psms.domain.attempts import Outcome
from tests.support.receiver import Answer, Receiver
from tests.support.sending import send, sender
from tests.support.waiting import eventually

SENDER = sender()
BOMB = gzip.compress(bytes(10 * 1024 * 1024))
GROWTH_KIB = 2048


@pytest.fixture
def partner():
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize("chunked", [False, True])
def test_w12_8_of_16_kib_of_an_answer_are_kept(partner, chunked):
    text = bytes(range(256)) * 4096
    partner.answer("/", Answer(body=text, chunked=chunked))
    partner.answer("/exact", Answer(body=text[:8192], chunked=chunked))
    result, exact = send(SENDER, partner.url()), send(SENDER, partner.url("/exact"))

    assert (result.response_body, result.response_truncated) == (text[:8192], True)
    assert (exact.response_body, exact.response_truncated) == (text[:8192], False)
    assert {result.outcome, exact.outcome} == {Outcome.SUCCESS}


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.SUCCESS), (500, Outcome.HTTP_ERROR)])
def test_w12_an_answer_of_5_gb_is_cut_off_at_once(partner, status, outcome):
    partner.answer("/", Answer(status=status, endless=True))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.response_body) == (outcome, bytes(8192))
    assert result.response_truncated
    assert result.duration_ms < 2000
    # What the kernel's buffers swallowed before the connection was closed: the partner cannot send more.
    eventually(lambda: not partner.connected, what="the end of the connection")
    assert partner.sent_bytes < 50 * 1024 * 1024


def test_w12_a_compressed_answer_is_kept_as_it_came(partner):
    partner.answer("/", Answer(body=BOMB, headers={"Content-Encoding": "gzip"}))
    result = send(SENDER, partner.url())

    assert len(BOMB) > 8192
    assert result.response_body == BOMB[:8192]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"v" * 4000) for n in range(90)),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nx: " + b"v" * 10_000_000,
        b"HTTP/1.1 200 OK\r\n" + b"x: v\r\n" * 200 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 " + b"K" * 70_000 + b"\r\n\r\n",
    ],
    ids=["many headers", "endless 1xx", "one long header", "200 short headers", "one long status line"],
)
def test_a_head_without_an_end_is_not_read_to_it(partner, raw):
    partner.answer("/", Answer(raw=raw))
    result = send(SENDER, partner.url())

    assert (result.outcome, result.error) == (Outcome.TOO_LARGE, "The headers of the response are too large.")
    assert (result.status, result.response_headers, result.response_body) == (None, {}, b"")
    assert result.duration_ms < 2000


# Sends to each address in turn and prints what it kept of each answer, and by how many KiB its peak of memory grew.
SENDING_ONLY = """
import json, sys
from pathlib import Path
from psms.adapters.egress import EgressGuard
from psms.adapters.http import RequestsSender
from psms.domain.attempts import WebhookRequest
from psms.domain.egress import parse_policy

sender = RequestsSender(EgressGuard(parse_policy("127.0.0.0/8")))

def kept(url):
    answer = sender.send(WebhookRequest(url=url, body=b"{}", headers={}, timeout_s=20))
    return answer.status, len(answer.response_body), answer.response_truncated

def peak():
    # Not ru_maxrss, which begins with that of the process that started this one.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

plain, *large = sys.argv[1:]
for _ in range(20):
    kept(plain)
before = peak()
print(json.dumps([[kept(url) for url in large], peak() - before]))
"""


def test_w12_a_process_that_only_sends_grows_by_less_than_2_mib(partner):
    partner.answer("/endless", Answer(endless=True))
    partner.answer("/failing", Answer(status=500, endless=True))
    partner.answer("/bomb", Answer(body=BOMB, headers={"Content-Encoding": "gzip"}))
    urls = [partner.url(path) for path in ("/", *["/endless", "/failing", "/bomb"] * 5)]
    run = subprocess.run(
        [sys.executable, "-c", SENDING_ONLY, *urls],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (run.stderr, run.returncode) == ("", 0)
    kept, growth_kib = json.loads(run.stdout)
    assert kept == [[200, 8192, True], [500, 8192, True], [200, 8192, True]] * 5
    assert growth_kib < GROWTH_KIB
