"""Every house rule is fed a file that breaks it and one that keeps it: a rule that cannot fail is a wish."""

import pytest

from tests.architecture import source_rules as rules
from tests.architecture.sources import Source

PATH_ON_A_MACHINE = "/" + "home/somebody/psms"

BROKEN = [
    (rules.commits_outside_the_session, "workflows/tickets.py", "session.commit()"),
    (rules.commits_outside_the_session, "psms/db/queries/tickets.py", "connection.rollback()"),
    (rules.transactions_outside_workflows, "api/resources/tickets.py", "with rt.begin() as session: ..."),
    (rules.transactions_outside_workflows, "psms/db/queries/tickets.py", "engine.begin()"),
    (rules.transactions_outside_workflows, "workers/tasks/webhooks.py", "with rt.db.begin_claim(): ..."),
    (rules.impure_imports, "psms/domain/sla.py", "from sqlalchemy import select"),
    (rules.impure_imports, "psms/ports.py", "import requests.adapters"),
    (rules.other_encoders, "api/errors.py", "import orjson"),
    (rules.beat_imports, "beat_schedule.py", "from workers.app import app"),
    (rules.beat_imports, "beat_schedule.py", "import workflows.tickets"),
    (rules.long_file, "psms/domain/sla.py", "x = 1\n" * 301),
    (rules.long_functions, "psms/domain/sla.py", "def f():\n" + "    x = 1\n" * 40),
    (rules.missing_first_docstring, "psms/domain/sla.py", "import datetime"),
    (rules.missing_first_docstring, "psms/domain/sla.py", '# licence\n"""What lives here."""\n'),
    (rules.machine_paths, "docs/notes.md", f"run it in {PATH_ON_A_MACHINE}"),
    (rules.vague_names, "psms/utils.py", ""),
    (rules.vague_names, "psms/db/query_helpers.py", ""),
    (rules.vague_names, "workflows/tickets.py", "class TicketManager: ..."),
    (rules.vague_names, "workflows/tickets.py", "def _handle_ticket(): ..."),
    (rules.vague_names, "workers/tasks/bulk.py", "def process(): ..."),
    (rules.other_clocks, "psms/db/queries/tickets.py", "SQL = 'SELECT now()'"),
    (rules.other_clocks, "psms/db/queries/tickets.py", "SQL = 'WHERE due_at < CURRENT_TIMESTAMP'"),
    (rules.other_clocks, "psms/db/models/tickets.py", "default = func.now()"),
    (rules.sleeping_tests, "tests/e2e/test_ticket.py", "time.sleep(1)"),
    (rules.sleeping_tests, "tests/e2e/test_ticket.py", "sleep(1)"),
    (rules.patched_code, "tests/unit/test_retry.py", "from unittest import mock"),
    (rules.patched_code, "tests/unit/test_retry.py", "from unittest.mock import Mock"),
    (rules.patched_code, "tests/unit/test_retry.py", "monkeypatch.setattr(retry, 'decide', None)"),
]

KEPT = [
    (rules.commits_outside_the_session, "psms/db/session.py", "session.commit()"),
    (rules.commits_outside_the_session, "tests/support/database.py", "connection.commit()"),
    (rules.transactions_outside_workflows, "workflows/tickets.py", "with rt.begin() as session: ..."),
    (
        rules.impure_imports,
        "psms/domain/sla.py",
        "from datetime import timedelta\nfrom psms.errors import Kind",
    ),
    (rules.impure_imports, "psms/db/session.py", "import sqlalchemy"),
    (rules.other_encoders, "psms/encoding.py", "import orjson"),
    (rules.beat_imports, "beat_schedule.py", "from workflows.names import Task"),
    (rules.long_file, "psms/domain/sla.py", "x = 1\n" * 300),
    (rules.long_functions, "psms/domain/sla.py", "def f():\n" + "    x = 1\n" * 39),
    (rules.missing_first_docstring, "psms/domain/sla.py", '"""What lives here."""\n'),
    (rules.machine_paths, "docs/notes.md", "GET /v1/work/items and ./home/page and /usr/bin/env"),
    (
        rules.vague_names,
        "api/smorest.py",
        "class Api:\n    @override\n    def handle_http_exception(self): ...",
    ),
    (rules.vague_names, "psms/adapters/http.py", "def handles(): ..."),
    (rules.other_clocks, "psms/db/queries/tickets.py", "SQL = 'SELECT psms_now()'"),
    (rules.other_clocks, "psms/adapters/system.py", "DESCRIPTION = 'the work is due now'"),
    (rules.sleeping_tests, "tests/support/waiting.py", "time.sleep(0.02)"),
    (rules.patched_code, "tests/unit/test_settings.py", "monkeypatch.setenv('PSMS_PORT', '1')"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_the_rule_notices_a_breach(rule, path, text):
    assert len(rule(Source(path, text))) == 1


@pytest.mark.parametrize(("rule", "path", "text"), KEPT)
def test_the_rule_lets_good_code_pass(rule, path, text):
    assert rule(Source(path, text)) == []


def test_every_rule_is_shown_to_fail():
    shown = {rule for rule, _, _ in BROKEN}

    assert {*rules.SOURCE_RULES, rules.machine_paths} - shown == set()
