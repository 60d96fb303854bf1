"""The system under measurement: all of PSMS, started as `make up` does, with a Valkey that can be stopped."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from bench import processes
from bench.load import Asked, Load, Outcome
from bench.seeding import refresh_statistics, seed_tickets
from tests.support.desk import Desk, running_desk
from tests.support.ledger import ledger_of
from tests.support.servers import ValkeyServer, running_valkey
from tests.support.stacks import process_of, processes_of
from tests.support.waiting import eventually

PROJECT = Path(__file__).resolve().parents[1]
CREATE = Asked(method="POST", path="/v1/tickets", body=json.dumps({"subject": "Printer on fire", "urgency": "high"}))
LIST = Asked(method="GET", path="/v1/tickets?limit=50")
_POLICY = {"name": "Bench", "first_response_seconds": 10 * 86_400, "resolution_seconds": 20 * 86_400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a load brought: the generator's outcome, and the CPU time of the measured processes by kind."""

    outcome: Outcome
    cpu_s: dict[str, float]

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.outcome.answered / self.outcome.elapsed_s

    @property
    def cpu_ms_each(self) -> float:
        """CPU time of all measured processes for each answer, the generator's apart."""
        return sum(self.cpu_s.values()) * 1000 / max(1, self.outcome.answered)

    def expect(self, *statuses: str) -> "Run":
        """Return this run; raise AssertionError when an answer was lost or was not one of *statuses*."""
        wrong = {status: n for status, n in self.outcome.by_status.items() if status not in statuses}
        assert not wrong, f"answers other than {statuses}: {wrong}"
        assert not self.outcome.lost, f"{self.outcome.lost} requests were not answered"
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A running PSMS, and the ways into it that a measurement needs."""

    home: Path
    desk: Desk
    valkey: ValkeyServer
    token: str
    database_url: str
    owner_url: str

    @property
    def port(self) -> int:
        """Where its API listens."""
        return int(self.desk.api_url.rpartition(":")[2])

    @property
    def organization_id(self) -> UUID:
        """The demo organization."""
        return UUID(self.desk.credentials["organization_id"])

    @property
    def superuser_url(self) -> str:
        """Its database, for who sees every organization."""
        return ledger_of(self.home).url

    def processes(self) -> dict[int, str]:
        """Return the command line of each of its processes."""
        return processes_of(self.home)

    def postgres(self) -> list[int]:
        """Return its PostgreSQL with all children."""
        return processes.descendants(process_of(self.home, "bin/postgres -D"))

    def seed(self, count: int) -> None:
        """Add tickets until there are *count*."""
        with psycopg.connect(self.database_url) as connection:
            seed_tickets(connection, self.organization_id, count)
        with psycopg.connect(self.owner_url) as connection:
            refresh_statistics(connection)

    def some_tickets(self) -> list[Asked]:
        """Return requests that read tickets, spread over those there are."""
        with psycopg.connect(self.database_url) as connection:
            connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(self.organization_id)])
            rows = connection.execute("SELECT id FROM tickets ORDER BY md5(id::text) LIMIT 500").fetchall()
        return [Asked(method="GET", path=f"/v1/tickets/{row[0]}") for row in rows]

    def settle(self) -> None:
        """Return once nothing waits in the outbox: what comes next is not charged for what came before."""

        def is_empty() -> bool:
            with psycopg.connect(self.database_url) as connection:
                connection.execute("SELECT set_config('psms.organization_id', %s, true)", [str(self.organization_id)])
                return connection.execute("SELECT 1 FROM outbox LIMIT 1").fetchone() is None

        eventually(is_empty, within=60, what="an empty outbox")

    def run(self, load: Load) -> Run:
        """Send *load* to the API and charge all processes of the system for it."""
        before = processes.cpu_by_kind(self.processes())
        outcome = generate(load)
        self.settle()
        after = processes.cpu_by_kind(self.processes())
        return Run(outcome=outcome, cpu_s={kind: after[kind] - before[kind] for kind in after})

    def load(self, requests: list[Asked], *, connections: int, seconds: float, rate: float = 0.0) -> Load:
        """Return a load for the API."""
        return Load(
            port=self.port,
            token=self.token,
            requests=requests,
            connections=connections,
            seconds=seconds,
            rate=rate,
        )


def generate(load: Load) -> Outcome:
    """Run the load generator as a process of its own."""
    done = subprocess.run(
        (sys.executable, "-m", "bench.load"),
        input=json.dumps(asdict(load)),
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
        check=True,
    )
    return Outcome(**json.loads(done.stdout))


@contextmanager
def running_system() -> Iterator[System]:
    """Start all of PSMS in a temporary directory, with an SLA policy, and stop it afterwards."""
    with ExitStack() as stack:
        # Its PostgreSQL may run as another user, who must be able to reach it.
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="psms-bench-", ignore_cleanup_errors=True)))
        home.chmod(0o755)
        valkey = stack.enter_context(running_valkey(home / "bench-valkey"))
        _, desk = stack.enter_context(running_desk(home, REDIS_URL=valkey.url))
        answer = desk.call("POST", "/v1/sla-policies", json=_POLICY)
        assert answer.status_code == 201, answer.text
        variables = _variables(process_of(home, "psms beat"))
        yield System(
            home=home,
            desk=desk,
            valkey=valkey,
            token=answer.request.headers["Authorization"].removeprefix("Bearer "),
            database_url=variables["DATABASE_URL"],
            owner_url=variables["PSMS_OWNER_DATABASE_URL"],
        )


def _variables(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
