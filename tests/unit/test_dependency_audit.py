"""The dependency audit tells what is vulnerable, and what it could not look at; no source is asked here."""

import json

from tests.support.audit import Audit, audit_of, lines_of


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
        audited=3,
    )


def test_a_package_that_could_not_be_audited_is_told():
    report = {"dependencies": [{"name": "odd", "skip_reason": "Dependency not found on PyPI"}]}
    assert audit_of(json.dumps(report)) == Audit(vulnerable=(), skipped=("odd",), audited=0)


def test_where_nothing_could_be_audited_nobody_is_told_that_all_is_well():
    assert lines_of(Audit(vulnerable=(), skipped=("odd",), audited=0)) == [
        "SKIPPED: nothing was audited, since the data about vulnerabilities cannot be reached from here"
    ]


def test_what_was_skipped_is_told_beside_what_was_found():
    assert lines_of(Audit(vulnerable=("bad 2 has X",), skipped=("odd",), audited=3)) == [
        "SKIPPED: odd could not be audited",
        "bad 2 has X",
    ]
    assert lines_of(Audit(vulnerable=(), skipped=(), audited=3)) == ["no known vulnerability in 3 packages"]
