"""What `psms doctor` says of the keys of the encryption at rest. It makes none, and writes nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from psms.adapters.key_files import KEY_FILE
from psms.cli.lazy import load
from psms.domain.data_keys import MOST_MESSAGES
from psms.embedded.findings import Finding, fail, ok, warn
from psms.errors import PsmsError
from psms.settings import Environment, Settings

if TYPE_CHECKING:
    from psms.domain.data_keys import KeyHealth
    from psms.ports import KeyWrapper

# Twice what upkeep rotates at: then it has not been done for a long time.
_WORN = 2 * MOST_MESSAGES


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Yield whether the KEK is there and private, opens what is stored, and what is left of a rotation."""
    file = _key_file(settings)
    if file is not None and not file.exists() and file != settings.keys.kek_file:
        yield ok("keys", f"a key for development will be made at the first start, in {file}")
        return
    try:
        keks: KeyWrapper = load("psms.adapters.vault:vault_of")(
            settings, load("psms.adapters.system:SystemChance")()
        ).keks
    except PsmsError as problem:
        yield fail("keys", problem.detail)
        return
    yield ok("keys", f"the primary key is {keks.primary!r}, from {_source(settings, file)}")
    if settings.database_url:
        yield from _stored(settings, keks)


def _key_file(settings: Settings) -> Path | None:
    keys = settings.keys
    if keys.kek_file or keys.kek or keys.kms_key_id or settings.environment is not Environment.DEVELOPMENT:
        return keys.kek_file
    return settings.home / KEY_FILE


def _source(settings: Settings, file: Path | None) -> str:
    if settings.keys.kms_key_id:
        return "AWS KMS"
    return "PSMS_KEK" if file is None else f"{file} (mode {stat.S_IMODE(file.stat().st_mode):04o})"


def _stored(settings: Settings, keks: "KeyWrapper") -> Iterator[Finding]:
    database = load("psms.db.session:Database")(settings.database_url, pool_size=1)
    try:
        load("psms.db.fitness:refuse_unfit_database")(database)
    except PsmsError:
        # Told under `schema` or `database`.
        database.close()
        return
    try:
        health: KeyHealth = load("workflows.canary:key_health")(database, keks)
    except PsmsError as problem:
        yield fail("canary", problem.detail)
        return
    finally:
        database.close()
    yield _canary(health)
    yield from _left_to_do(health)


def _canary(health: "KeyHealth") -> Finding:
    if not health.begun:
        return ok("canary", "nothing is encrypted in this database yet")
    return ok("canary", "the keys open what is stored in the database")


def _left_to_do(health: "KeyHealth") -> Iterator[Finding]:
    if health.former_keks:
        former = ", ".join(repr(name) for name in health.former_keks)
        yield warn(
            "rotation",
            f"data keys are still wrapped under {former}: run `python -m psms keys rotate-kek`, and keep "
            "the former key until `python -m psms keys status` shows it unused",
        )
    if health.most_messages >= _WORN:
        yield warn(
            "data keys",
            f"one has encrypted up to {health.most_messages} values, and upkeep should have rotated it at "
            f"{MOST_MESSAGES}: see that a worker serves the queue `upkeep`, or run `python -m psms keys rotate-dek`",
        )
