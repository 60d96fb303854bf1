"""The dependency audit is alive: with the data of a source in this process it fails on a known-bad package (A59)."""

import json

import pytest

from tests.support.audit import main
from tests.support.receiver import Answer, Receiver


@pytest.fixture
def locked(tmp_path):
    """A lock file with one old package, whose hash nobody asks for."""
    lock = tmp_path / "requirements.txt"
    lock.write_text("flask==0.12\n", encoding="utf-8")
    return lock


def audited(lock, source, capsys):
    """Audit *lock* with the data of *source*; return the exit status and what was printed."""
    status = main(
        lock, "--no-deps", "--vulnerability-service", "osv", "--osv-url", source, "--cache-dir", str(lock.parent)
    )
    return status, capsys.readouterr().out.splitlines()


def test_a59_a_known_bad_package_fails_the_audit(locked, capsys):
    flaw = {
        "id": "PYSEC-2018-66",
        "summary": "Denial of service by a crafted encoding.",
        "affected": [
            {
                "package": {"name": "flask", "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.12.3"}]}],
            }
        ],
    }
    with Receiver() as source:
        source.answer("/v1/query", Answer(body=json.dumps({"vulns": [flaw]}).encode()))
        found = audited(locked, source.url("/v1/query"), capsys)
        asked = json.loads(source.received[0].body)

    assert found == (1, ["flask 0.12 has PYSEC-2018-66: fixed in 0.12.3"])
    assert asked == {"package": {"name": "flask", "ecosystem": "PyPI"}, "version": "0.12"}


def test_a59_a_package_without_a_known_flaw_passes_the_audit(locked, capsys):
    with Receiver() as source:
        source.answer("/v1/query", Answer(body=b"{}"))

        assert audited(locked, source.url("/v1/query"), capsys) == (0, ["no known vulnerability in 1 packages"])


def test_a59_an_audit_without_data_says_that_it_was_none(locked, capsys):
    status, (line,) = audited(locked, "http://127.0.0.1:1/v1/query", capsys)

    assert (status, line.startswith("SKIPPED: nothing was audited")) == (0, True)
