"""What `psms doctor` finds, asked of real servers and of this machine: a grade and a sentence each."""

import os
import re
import socket
from dataclasses import replace

import psycopg
import pytest
import redis

from psms.embedded.checks_home import check_home
from psms.embedded.checks_machine import check_machine
from psms.embedded.checks_mail import check_mail
from psms.embedded.checks_servers import check_servers
from psms.embedded.findings import Grade
from psms.embedded.home import keep_secrets, prepare_home
from psms.embedded.running import Note, Process, identify, write_note
from psms.embedded.stack import describe
from psms.errors import Misconfigured
from psms.settings import Environment, Settings
from tests.support.ports import own_port
from tests.support.post_office import PostOffice
from tests.support.servers import running_postgres, running_valkey


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with running_postgres(tmp_path_factory.mktemp("checks") / "postgres") as server:
        yield server


@pytest.fixture
def valkey(tmp_path):
    with running_valkey(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
def settings(tmp_path):
    ports = {"PSMS_PORT": str(own_port()), "PSMS_FLOWER_PORT": str(own_port())}
    return Settings.from_env({"PSMS_HOME": str(tmp_path / "home"), **ports})


def _found(findings):
    return {finding.subject: (finding.grade, finding.sentence) for finding in findings}


def test_this_machine_is_fit(settings):
    found = _found(check_machine(settings))
    assert {subject: grade for subject, (grade, _) in found.items() if grade is not Grade.OK} == {}
    assert found["postgresql"][1].startswith("the embedded PostgreSQL runs: postgres (PostgreSQL)")
    assert found["valkey"][1].startswith("the embedded Valkey runs: Valkey server")


def test_a_superuser_is_refused_as_the_applications_role(settings, postgres):
    found = _found(check_servers(replace(settings, database_url=postgres.superuser_url)))
    assert found["database"][0] is Grade.OK
    assert found["clock"][0] is Grade.OK
    grade, sentence = found["schema"]
    assert grade is Grade.FAIL
    assert "the database role postgres could bypass the walls between organizations" in sentence


def test_a_schema_that_was_never_migrated_is_told(settings, postgres):
    url = postgres.url(user="plain", password="plain-pw", database="postgres")
    with psycopg.connect(postgres.superuser_url) as connection:
        connection.execute("CREATE ROLE plain LOGIN PASSWORD 'plain-pw'")
    grade, sentence = _found(check_servers(replace(settings, database_url=url)))["schema"]
    assert grade is Grade.FAIL
    assert "run `python -m psms migrate`" in sentence


def test_servers_that_do_not_answer_are_named_without_their_passwords(settings):
    port = own_port()
    urls = {
        "database_url": f"postgresql://me:s3cret@127.0.0.1:{port}/psms",
        "redis_url": f"redis://:s3cret@127.0.0.1:{port}/0",
    }
    found = _found(check_servers(replace(settings, **urls)))
    assert {subject: grade for subject, (grade, _) in found.items()} == {
        "database": Grade.FAIL,
        "redis": Grade.FAIL,
    }
    assert all(f"127.0.0.1:{port}" in sentence and "s3cret" not in sentence for _, sentence in found.values())


def test_a_redis_that_evicts_is_refused(settings, valkey):
    asked = replace(settings, redis_url=valkey.url)
    assert _found(check_servers(asked))["eviction"] == (Grade.OK, "maxmemory-policy is 'noeviction'")
    with redis.Redis.from_url(valkey.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    grade, sentence = _found(check_servers(asked))["eviction"]
    assert grade is Grade.FAIL
    assert "set it to 'noeviction'" in sentence


def test_servers_that_nobody_named_are_only_mentioned(settings):
    found = _found(check_servers(settings))
    assert {subject: grade for subject, (grade, _) in found.items()} == {
        "database": Grade.WARN,
        "redis": Grade.WARN,
    }


def test_a_home_that_is_not_there_yet_is_in_order(settings):
    found = _found(check_home(settings))
    assert {grade for grade, _ in found.values()} == {Grade.OK}
    assert found["home"][1] == f"{settings.home} will be made at the first start"
    assert found["supervisor"][1] == "PSMS is not running here; 'make up' starts it"


def test_secrets_that_others_can_read_are_told(settings):
    home = prepare_home(settings.home)
    keep_secrets(home)
    assert _found(check_home(settings))["secrets.json"][0] is Grade.OK
    home.secrets_file.chmod(0o640)
    grade, sentence = _found(check_home(settings))["secrets.json"]
    assert grade is Grade.FAIL
    assert f"chmod 600 {home.secrets_file}" in sentence


def test_a_port_taken_by_another_program_is_told(settings):
    with socket.create_server(("127.0.0.1", settings.port)):
        found = _found(check_home(settings))
    assert found["PSMS_PORT"][0] is Grade.FAIL
    assert "taken by another program" in found["PSMS_PORT"][1]
    assert found["PSMS_FLOWER_PORT"][0] is Grade.OK


def test_one_port_for_two_servers_is_told_before_either_is_started(settings):
    both = replace(settings, flower_port=settings.port)
    advice = f"PSMS_PORT and PSMS_FLOWER_PORT are both {settings.port}: set one of them to another port"
    assert _found(check_home(both))["PSMS_FLOWER_PORT"] == (Grade.FAIL, advice)
    home = prepare_home(settings.home)
    variables = {"PSMS_HOME": str(home.root), "PSMS_PORT": str(both.port), "PSMS_FLOWER_PORT": str(both.port)}
    with pytest.raises(Misconfigured, match=re.escape(advice)):
        describe(variables, home, keep_secrets(home))
    assert _found(check_home(replace(both, flower_host="127.0.0.2")))["PSMS_FLOWER_PORT"][0] is Grade.OK


def test_a_process_of_a_running_stack_that_has_ended_is_told(settings):
    home = prepare_home(settings.home)
    this = identify("psms", os.getpid())
    assert this is not None
    ended = Process(name="beat", pid=this.pid, started=this.started + 1)
    starting = Process(name="core", pid=this.pid, started=this.started)
    write_note(home, Note(processes=(this, ended, starting), environment={}))
    found = _found(check_home(settings))
    assert found["supervisor"] == (Grade.OK, f"PSMS is running here as process {os.getpid()}")
    assert found["beat"][0] is Grade.FAIL
    assert found["core"][0] is Grade.WARN
    assert found["PSMS_PORT"][0] is Grade.FAIL
    assert "PSMS runs, but nothing listens on port" in found["PSMS_PORT"][1]


def test_where_no_mail_server_is_named_the_doctor_says_that_mails_wait(settings):
    (sentence,) = {finding.sentence for finding in check_mail(settings)}
    grades = [
        next(check_mail(replace(settings, environment=environment))).grade
        for environment in (Environment.DEVELOPMENT, Environment.PRODUCTION)
    ]
    assert sentence.startswith("no mail server is named, so that notifications by mail wait")
    assert grades == [Grade.OK, Grade.WARN]


def test_a_mail_server_that_turns_psms_away_is_told(settings):
    with PostOffice(password="right") as office:
        names = {"PSMS_MAIL_FROM": "desk@example.com"}
        wrong, right = (
            Settings.from_env({**names, "PSMS_SMTP_URL": office.url(who=f"desk:{password}@")})
            for password in ("wrong", "right")
        )
        found = [_found(check_mail(one))["mail"] for one in (wrong, right)]
    where = f"127.0.0.1:{office.port}"
    assert found == [
        (
            Grade.WARN,
            f"mails wait, because of {where}: The mail server turned PSMS away with 535 5.7.8: look at PSMS_SMTP_URL.",
        ),
        (Grade.OK, f"the mail server {where} lets PSMS in"),
    ]
    assert office.taken == []
