"""The dependency audit tells what is vulnerable, and what it could not look at; no source is asked here."""

import json

from tests.support.audit import Audit, audit_of, source_answers


def test_a_vulnerable_package_is_told_with_the_version_that_mends_it():
    report = {
        "dependencies": [
            {"name": "good", "version": "1", "vulns": []},
            {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}]},
            {"name": "worse", "version": "3", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]},
        ]
    }
    assert audit_of(json.dumps(report)) == Audit(
        vulnerable=(
            "bad 2 has PYSEC-1: fixed in 2.1, 3",
            "worse 3 has PYSEC-2: fixed in no version yet",
        ),
        skipped=(),
    )


def test_a_package_that_could_not_be_audited_is_told():
    report = {"dependencies": [{"name": "odd", "skip_reason": "Dependency not found on PyPI"}]}
    assert audit_of(json.dumps(report)) == Audit(vulnerable=(), skipped=("odd",))


def test_a_source_that_cannot_be_reached_is_no_source():
    assert not source_answers("file:///no/such/file")
