"""`psms seed`: the demo organization, once; its credentials go into a file that only the owner can read."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from psms.cli import startup
from psms.cli.lazy import load
from psms.settings import Settings

if TYPE_CHECKING:
    from psms.domain.demo import Seeded


@click.command()
def seed() -> None:
    """Make the demo organization and write its credentials to PSMS_HOME/credentials.json."""
    settings = startup.begin("seed")
    startup.require_fit_database(settings)
    path = settings.home / "credentials.json"
    kept = _read(path)
    rt = load("workflows.boot:runtime_for")(settings, worker="seed")
    client_id, secret = str(kept.get("client_id", "")), str(kept.get("client_secret", ""))
    if load("workflows.accounts:is_known")(rt, client_id, secret):
        _write(path, {**kept, **_addresses(settings)})
        click.echo(f"The demo organization is there already; its credentials are in {path}")
        return
    _write(path, {**_addresses(settings), **_shown(load("workflows.seed:seed_demo")(rt))})
    click.echo(f"The demo organization is made; its credentials are in {path}")


def _shown(seeded: "Seeded") -> dict[str, object]:
    users = [{"email": user.email, "password": user.password, "role": user.role.value} for user in seeded.users]
    return {
        "organization_id": str(seeded.organization_id),
        "client_id": seeded.client_id,
        "client_secret": seeded.client_secret,
        "users": users,
    }


def _addresses(settings: Settings) -> dict[str, str]:
    return {
        "api_url": settings.public_url,
        "flower_url": f"http://{settings.flower_host}:{settings.flower_port}",
        "flower_user": settings.flower_user,
        "flower_password": settings.flower_password,
    }


def _read(path: Path) -> dict[str, object]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write(path: Path, credentials: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(credentials, file, indent=2)
        file.write("\n")
    part.replace(path)
