"""Reading the log over HTTP: filters, pages, and exports that are checked without a server."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.app import create_app
from psms.adapters.log_keys import trusted_keys
from psms.domain.access import Role
from psms.domain.log_export import ExportCheck
from psms.settings import Environment
from psms.settings_groups import LogProof
from tests.support.tenants import file_ticket
from workflows.log_seals import seal_logs

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "verify_export.py"


@pytest.fixture
def filed(client, rt, demo, as_role):
    """Three tickets, one of them resolved, and a refusal; the tickets' ids."""
    tickets = [str(file_ticket(rt, demo.actor, f"Ticket {n}")) for n in range(3)]
    assert client.post(f"/v1/tickets/{tickets[0]}/transitions", json={"action": "resolve"}).status_code == 200
    assert as_role(Role.REQUESTER).post("/v1/services", json={"name": "Mine"}).status_code == 403
    return tickets


def listed(client, query):
    answer = client.get(f"/v1/logs?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json["items"]


def test_the_log_is_filtered_by_the_beginning_of_an_action(client, filed):
    assert len(listed(client, "action=ticket.")) == 4
    assert len(listed(client, "action=ticket.created")) == 3
    assert listed(client, "action=ticket.create") == []
    assert listed(client, "action=ticke") == []


def test_the_log_is_filtered_by_actor_client_target_and_outcome(client, demo, filed):
    mine = [entry["action"] for entry in listed(client, f"actor_id={demo.actor.user_id}&action=ticket.")]
    assert mine == ["ticket.status_changed", "ticket.created", "ticket.created", "ticket.created"]
    assert len(listed(client, f"client_id={demo.actor.client_id}&action=ticket.")) == 4
    of_one = listed(client, f"target_type=ticket&target_id={filed[0]}")
    assert [entry["action"] for entry in of_one] == ["ticket.status_changed", "ticket.created"]
    assert [entry["action"] for entry in listed(client, "outcome=denied")] == ["service.manage"]


def test_the_log_is_filtered_by_time(client, filed):
    third = listed(client, f"target_id={filed[2]}")[0]["at"].replace("+", "%2B")

    until = listed(client, f"action=ticket.&to={third}")
    since = listed(client, f"action=ticket.&from={third}")

    assert [entry["target_id"] for entry in until] == [filed[1], filed[0]]
    assert [entry["target_id"] for entry in since] == [filed[0], filed[2]]


def test_a_filtered_list_is_paged(client, filed):
    first = client.get("/v1/logs?action=ticket.&limit=3").json
    second = client.get(f"/v1/logs?action=ticket.&limit=3&cursor={first['next_cursor']}").json

    assert len(first["items"]) == 3
    assert [entry["target_id"] for entry in second["items"]] == [filed[0]]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=2026-01-01", "from=2026-01-01T00:00:00", "from=2026-13-01T00:00:00Z", "action=Ticket%25",
     "outcome=maybe", "client_id=1"],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_refused(still, query):
    assert still.get(f"/v1/logs?{query}").status_code == 422


def exported(client, since=None):
    since = since or datetime.now(UTC) - timedelta(hours=1)
    answer = client.get(f"/v1/logs/export?from={since:%Y-%m-%dT%H:%M:%SZ}")
    assert answer.status_code == 200, answer.text
    return answer.data.splitlines(keepends=True)


def problems(rt, lines):
    return ExportCheck(trusted_keys(rt.settings, []).signed).problems(lines)


def test_an_export_is_checked_without_a_server(client, rt, filed, database):
    seal_logs(rt)
    count = database.count("logs")

    lines = exported(client)

    assert problems(rt, lines) == []
    entries = [json.loads(line) for line in lines[:-1]]
    mine = {entry["entry"]["target_id"] for entry in entries if entry["entry"]["action"] == "ticket.created"}
    assert mine == set(filed)
    assert json.loads(lines[-1])["manifest"]["entries"] == len(entries) == count


def test_a_stranger_checks_an_export_with_the_published_key(client, anonymous, rt, filed, tmp_path):
    seal_logs(rt)
    lines = exported(client)
    published = anonymous.get("/v1/logs/keys")
    (key,) = published.json["keys"]
    assert (key["algorithm"], key["key_id"]) == ("Ed25519", key["fingerprint"][:16])
    (tmp_path / "keys.json").write_bytes(published.data)

    def check(export):
        (tmp_path / "export.jsonl").write_bytes(b"".join(export))
        command = (sys.executable, EXAMPLE, tmp_path / "keys.json", tmp_path / "export.jsonl")
        return subprocess.run(command, capture_output=True, text=True, check=False)

    good = check(lines)
    edited = check([line.replace(b"Ticket 1", b"Ticket X") for line in lines])
    other = check([*lines[:-1], lines[-1].replace(b'"exported_at":"20', b'"exported_at":"19')])

    told = f"The export is as it was made: {len(lines) - 1} entries, signed by {key['fingerprint']}.\n"
    assert (good.returncode, good.stdout, good.stderr) == (0, told, "")
    assert (edited.returncode, edited.stdout) == (1, "")
    assert edited.stderr == "The entries are not those that the manifest was signed for.\n"
    assert other.returncode == 1
    assert "InvalidSignature" in other.stderr
    assert check(lines[:-1]).stderr == "The manifest is missing: the export was cut short.\n"


def test_the_published_key_is_public_alone(anonymous, rt):
    answer = anonymous.get("/v1/logs/keys")

    private = (rt.settings.home / "keys" / "log-signing.pem").read_text(encoding="ascii")
    assert answer.json["keys"][0]["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert not any(line in answer.text for line in private.splitlines()[1:-1])


def test_an_api_that_was_given_no_key_in_production_publishes_none(rt):
    settings = replace(
        rt.settings,
        environment=Environment.PRODUCTION,
        public_url="https://localhost",
        log_proof=LogProof(signing_key_file="", anchor=""),
    )
    http = create_app(replace(rt, settings=settings)).test_client()

    assert http.get("/v1/logs/keys").json == {"keys": []}


def test_an_export_leaves_an_entry(client, demo, filed):
    exported(client)

    (entry,) = listed(client, "action=log.exported")
    assert entry["actor_id"] == str(demo.actor.user_id)
    assert set(entry["after"]) == {"from", "to"}


def test_an_export_that_was_changed_is_found(client, rt, filed):
    seal_logs(rt)
    lines = exported(client)
    edited = [line.replace(b"Ticket 1", b"Ticket X") for line in lines]
    forged = [*lines[:-1], lines[-1].replace(b'"entries":', b'"entries": ')]
    other = [*lines[:-1], lines[-1].replace(b'"exported_at":"20', b'"exported_at":"19')]

    assert problems(rt, lines[:-1]) == ["The manifest is missing: the export was cut short."]
    assert any("not the one that was sealed" in problem for problem in problems(rt, edited))
    assert len(problems(rt, [*lines[:2], *lines[3:]])) == 2
    assert problems(rt, forged) == []
    assert problems(rt, other) == ["The manifest was not signed by a trusted key."]
    assert problems(rt, [b"anything\n"]) == ["Line 1 is not of an export."]


def test_who_may_not_read_the_log_may_not_export_it(as_role, filed, database):
    before = database.count("logs")

    answer = as_role(Role.AGENT).get("/v1/logs/export?from=2026-01-01T00:00:00Z")

    assert answer.status_code == 403
    assert database.rows("SELECT outcome FROM logs WHERE action = 'log.export'") == [("denied",)]
    assert database.count("logs") == before + 3


def test_an_export_of_more_than_a_month_is_refused(still):
    answer = still.get("/v1/logs/export?from=2026-01-01T00:00:00Z&to=2026-02-02T00:00:00Z")

    assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
