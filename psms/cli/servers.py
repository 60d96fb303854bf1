"""`psms api`, `worker`, `beat` and `flower`: the processes of an installation. What they do is elsewhere."""

import sys
from threading import Thread

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.settings import Settings

# A PostgreSQL that does not answer keeps Beat from ending no longer than this.
_FAREWELL_S = 3.0


@click.command()
def api() -> None:
    """Serve the API, on PSMS_HOST and PSMS_PORT."""
    settings = startup.settings_with_servers()
    load("psms.embedded.addresses:refuse_taken")(settings.host, settings.port, "PSMS_PORT")
    startup.share_metrics(settings.home / "metrics" / f"api-{settings.port}")
    startup.set_up_logs(settings, "api")
    startup.arm_crash_points(settings)
    startup.require_fit_database(settings)
    startup.record_process(settings, "api", "started")
    try:
        load("psms.cli.serve_api:serve_api")(settings)
    finally:
        startup.record_process(settings, "api", "stopped")


@click.command()
@click.option("--queues", required=True, help="Queues to serve, separated by commas, such as relay,timers,upkeep.")
@click.option("--name", required=True, help="The name of this worker in logs and in Flower, such as core.")
@click.option("--threads", type=click.IntRange(1, 256), help="How many drains may run at once.  [PSMS_WORKER_THREADS]")
def worker(queues: str, name: str, threads: int | None) -> None:
    """Do the work of some queues."""
    settings = startup.begin(f"worker {name}")
    plan = load("workers.serve:WorkerPlan")(
        name=name,
        queues=load("workers.run:queues_named")(queues),
        threads=threads or settings.worker_threads,
    )
    startup.require_fit_database(settings)
    sys.exit(load("workers.run:run_worker")(settings, plan))


@click.command()
def beat() -> None:
    """Remind the workers to look for work."""
    settings = startup.begin("beat")
    _record_aside(settings, "started")
    try:
        load("workers.beat:run_beat")(settings)
    finally:
        _record_aside(settings, "stopped").join(_FAREWELL_S)


@click.command()
def flower() -> None:
    """Serve Flower, which shows the workers.

    On PSMS_FLOWER_HOST and PSMS_FLOWER_PORT, for PSMS_FLOWER_USER with PSMS_FLOWER_PASSWORD. Its /metrics and
    /healthcheck ask for no password: let nobody but this machine or your monitoring reach them.
    """
    startup.keep_metrics_apart()
    settings = startup.begin("flower")
    load("psms.embedded.addresses:refuse_taken")(settings.flower_host, settings.flower_port, "PSMS_FLOWER_PORT")
    load("workers.monitor:run_flower")(settings)


def _record_aside(settings: Settings, what: str) -> Thread:
    # Beat itself needs no database, and must not wait for one.
    thread = Thread(target=startup.record_process, args=(settings, "beat", what), name=f"record {what}", daemon=True)
    thread.start()
    return thread
