"""`psms keys`: how the keys of the encryption at rest stand, and their rotation. The work is in `workflows.keys`."""

import sys
from typing import TYPE_CHECKING
from uuid import UUID

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.domain.data_keys import MOST_MESSAGES, IndexStep

if TYPE_CHECKING:
    from psms.domain.data_keys import IndexRotation, KeyStatus, Reencrypted, Shredded
    from psms.runtime import Runtime

_ORGANIZATION = click.option("--organization", type=click.UUID, required=True, help="The organization's id.")

_BATCH = click.option(
    "--batch", type=click.IntRange(1, 10_000), default=500, show_default=True, help="Rows in a transaction."
)
_INDEX_STEPS = {
    IndexStep.BOTH: "{changed} addresses were indexed under the new key; both are in use. Go on with the same "
    "command after {again_at:%Y-%m-%d %H:%M:%S %Z}.",
    IndexStep.RETIRED: "The former key is in use no longer. Go on with the same command after "
    "{again_at:%Y-%m-%d %H:%M:%S %Z}.",
    IndexStep.FINISHED: "The key was changed: {changed} former indexes were removed. This is finished.",
}


@click.group()
def keys() -> None:
    """Look after the keys that encrypt secrets and personal data."""


@keys.command("status")
def show_status() -> None:
    """Say which keys are in use, and what is in clear or under a former data key."""
    status: KeyStatus = load("workflows.keys:status")(_runtime())
    for kek in status.keks:
        notes = [note for note, holds in (("primary", kek.primary), ("NOT CONFIGURED", not kek.known)) if holds]
        click.echo(f"KEK {kek.kek_id}: wraps {kek.data_keys} data keys{_in_brackets(notes)}")
    click.echo(f"shredded data keys: {status.shredded}")
    click.echo(
        f"values under one data key: at most {status.most_messages}; at {MOST_MESSAGES} workers rotate it by themselves"
    )
    for column, count in status.outdated.items():
        click.echo(f"{column}: {count} in clear or under a former data key")
    if any(status.outdated.values()):
        click.echo("Encrypt them anew with `python -m psms keys reencrypt`.")


@keys.command("rotate-kek")
def rotate_kek() -> None:
    """Wrap every data key under PSMS_KEK_PRIMARY (or the KMS key). Cut short, it goes on when called again."""
    count = load("workflows.keys:rotate_kek")(_runtime())
    click.echo(f"{count} data keys were wrapped anew. The former KEK may go once every process knows the new one.")


@keys.command("rotate-dek")
@_ORGANIZATION
def rotate_dek(organization: UUID) -> None:
    """Give an organization new data keys; `keys reencrypt` then moves what is stored to them."""
    load("workflows.keys:rotate_data_keys")(_runtime(), organization)
    click.echo("What is written from now on uses new data keys, in every process within ten minutes.")


@keys.command("rotate-index")
@_ORGANIZATION
@_BATCH
def rotate_index(organization: UUID, batch: int) -> None:
    """Change the key by which an organization's addresses are found. Call it until it says that it is finished."""
    done: IndexRotation = load("workflows.index_rotation:rotate_index")(_runtime(), organization, batch)
    click.echo(_INDEX_STEPS[done.step].format(changed=done.changed, again_at=done.again_at))
    for place in done.unreadable:
        click.echo(f"{place} cannot be decrypted: see `docs/security.md`", err=True)
    sys.exit(1 if done.unreadable else 0)


@keys.command("reencrypt")
@_BATCH
def reencrypt(batch: int) -> None:
    """Encrypt what is in clear or under a former data key. Cut short, it goes on when called again."""
    done: Reencrypted = load("workflows.reencryption:reencrypt")(_runtime(), batch)
    sys.exit(report(done))


@keys.command("shred")
@_ORGANIZATION
@click.option("--yes", is_flag=True, help="Do not ask.")
def shred(organization: UUID, *, yes: bool) -> None:
    """Destroy an organization's data keys: what they encrypted is lost for ever, in all backups too."""
    rt = _runtime()
    if not yes:
        click.confirm(f"Lose the secrets and personal data of {organization} for ever?", abort=True)
    done: Shredded = load("workflows.keys:shred")(rt, organization)
    click.echo(
        f"{done.data_keys} data keys destroyed, {done.clients} clients deactivated, {done.endpoints} endpoints "
        "deleted. Processes that hold the keys forget them within ten minutes; restart them to be sure."
    )


def report(done: "Reencrypted") -> int:
    """Say what re-encryption came to, and return the exit status: 1 when something could not be read."""
    click.echo(f"{done.changed} values were encrypted anew.")
    if done.left:
        click.echo(f"{done.left} were in use: run `python -m psms keys reencrypt` again.")
    for place in done.unreadable:
        click.echo(f"{place} cannot be decrypted: see `docs/security.md`", err=True)
    return 1 if done.unreadable else 0


def _in_brackets(notes: list[str]) -> str:
    return f" ({', '.join(notes)})" if notes else ""


def _runtime() -> "Runtime":
    settings = startup.settings_with_database()
    startup.set_up_logs(settings, "keys")
    startup.arm_crash_points(settings)
    startup.require_fit_database(settings)
    rt: Runtime = load("psms.runtime:build_quiet_runtime")(settings, worker="keys")
    return rt
