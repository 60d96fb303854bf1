"""What a long-lived process does before its work: settings, metrics, logs, and a look at the database."""

import os
from pathlib import Path

from psms.cli.lazy import load
from psms.crash import arm
from psms.errors import DependencyUnavailable, Misconfigured
from psms.settings import Environment, Settings, endpoint_of

# prometheus_client reads it when it is first imported, so nothing here imports that.
_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ENVIRONMENT = os.environ  # noqa: TID251 (a library's variable, not a setting of PSMS)


def begin(service: str) -> Settings:
    """Return the settings of this process, with its logs set up under the name *service*.

    Its metrics go where PROMETHEUS_MULTIPROC_DIR says, if it says anything.
    """
    settings = settings_with_servers()
    named = _ENVIRONMENT.get(_METRICS)
    if named:
        _make_directory(Path(named))
    set_up_logs(settings, service)
    arm_crash_points(settings)
    return settings


def settings_with_servers() -> Settings:
    """Return the settings, which name both servers; imports nothing that keeps metrics."""
    settings = _settings()
    settings.require_servers()
    return settings


def settings_with_database() -> Settings:
    """Return the settings of a command that needs PostgreSQL and no Redis."""
    settings = _settings()
    settings.require_database()
    return settings


def _settings() -> Settings:
    # Beside a running `make up`, its servers are the ones that are meant.
    return Settings.from_env(load("psms.embedded.running:environment_of_this_command")())


def arm_crash_points(settings: Settings) -> None:
    """Have this process die where PSMS_CRASH_AT says, for a fault test; raises Misconfigured for a wrong name."""
    try:
        arm(settings.crash_at, settings.home / "run" / "crashes")
    except ValueError as problem:
        raise Misconfigured(str(problem)) from None


def set_up_logs(settings: Settings, service: str) -> None:
    """Have this process log under the name *service*: for people in development, as JSON elsewhere."""
    as_json = settings.environment is not Environment.DEVELOPMENT
    load("psms.telemetry:set_up_logs")(as_json=as_json, service=service)


def share_metrics(directory: Path) -> None:
    """Have this process and those forked from it keep their metrics together, in *directory*, emptied first.

    Where a supervisor named another directory they go there: it is shared with others, and theirs to empty.
    Call it before `set_up_logs`, which imports what keeps metrics.
    """
    named = _ENVIRONMENT.get(_METRICS)
    if named:
        _make_directory(Path(named))
        return
    _make_directory(directory)
    for left_over in directory.glob("*.db"):
        left_over.unlink()
    _ENVIRONMENT[_METRICS] = str(directory)


def keep_metrics_apart() -> None:
    """Keep this process's metrics out of what the others share; to be called first."""
    _ENVIRONMENT.pop(_METRICS, None)


def require_fit_database(settings: Settings) -> None:
    """Raise Misconfigured or DependencyUnavailable unless PostgreSQL answers, fits, and was encrypted with our keys."""
    database = load("psms.db.session:Database")(settings.database_url, pool_size=1)
    try:
        load("psms.db.fitness:refuse_unfit_database")(database)
        vault = load("psms.adapters.vault:vault_of")(settings, load("psms.adapters.system:SystemChance")())
        load("workflows.canary:refuse_wrong_keys")(database, vault.keks)
    except DependencyUnavailable as problem:
        raise unusable_database(settings.database_url, "DATABASE_URL", problem.__cause__) from problem
    finally:
        database.close()


def record_process(settings: Settings, name: str, what: str) -> None:
    """Write into the log of the installation that the process *name* `started` or `stopped`."""
    database = load("psms.db.session:Database")(settings.database_url, pool_size=1)
    load("workflows.system_events:record_process")(database, name, what)
    database.close()


def unusable_database(url: str, variable: str, problem: BaseException | None) -> DependencyUnavailable:
    """Return the error for a server at *url*, which *variable* names, that refused or did not answer."""
    reason = str(getattr(problem, "orig", problem)).strip().partition("\n")[0]
    return DependencyUnavailable(
        f"PostgreSQL at {endpoint_of(url)} cannot be used: start it, or correct {variable} ({reason})"
    )


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Misconfigured(
            f"the directory for metrics, {directory}, cannot be made ({problem.strerror}): "
            f"set {_METRICS} to one that can"
        ) from problem
