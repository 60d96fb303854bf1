"""`psms seed`: the demo organization, once; its credentials go into a file that only the owner can read."""

import json
import os
from pathlib import Path

import click

from psms.settings import Environment, Settings


@click.command()
def seed() -> None:
    """Make the demo organization and write its credentials to PSMS_HOME/credentials.json."""
    from psms.telemetry import set_up_logs  # noqa: PLC0415  (the command line starts fast)
    from workflows import boot  # noqa: PLC0415
    from workflows import seed as workflow  # noqa: PLC0415

    settings = Settings.from_env()
    set_up_logs(as_json=settings.environment is not Environment.DEVELOPMENT, service="seed")
    path = settings.home / "credentials.json"
    rt = boot.runtime_for(settings, worker="seed")
    if _still_valid(path, rt):
        _write(path, {**_read(path), **_addresses(settings)})
        click.echo(f"The demo organization is there already; its credentials are in {path}")
        return
    seeded = workflow.seed_demo(rt)
    _write(
        path,
        {
            **_addresses(settings),
            "organization_id": str(seeded.organization_id),
            "client_id": seeded.client_id,
            "client_secret": seeded.client_secret,
            "users": [
                {"email": user.email, "password": user.password, "role": user.role.value}
                for user in seeded.users
            ],
        },
    )
    click.echo(f"The demo organization is made; its credentials are in {path}")


def _addresses(settings: Settings) -> dict[str, str]:
    return {
        "api_url": f"http://{settings.host}:{settings.port}",
        "flower_url": f"http://{settings.flower_host}:{settings.flower_port}",
        "flower_user": settings.flower_user,
        "flower_password": settings.flower_password,
    }


def _still_valid(path: Path, rt: object) -> bool:
    from psms.domain.credentials import secret_matches  # noqa: PLC0415
    from psms.runtime import Runtime  # noqa: PLC0415
    from workflows.accounts import client_for  # noqa: PLC0415

    kept = _read(path)
    if not isinstance(rt, Runtime) or "client_id" not in kept:
        return False
    client = client_for(rt, str(kept["client_id"]))
    return client is not None and secret_matches(client, str(kept["client_secret"]))


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
