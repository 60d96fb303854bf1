"""The command line of PSMS: which commands there are. Each is loaded when it is called, so all start fast."""

import click

from psms.cli.lazy import LazyGroup

COMMANDS = {
    "up": "psms.cli.up:up",
    "doctor": "psms.cli.doctor:doctor",
    "migrate": "psms.cli.schema:migrate",
    "seed": "psms.cli.seed:seed",
    "api": "psms.cli.servers:api",
    "worker": "psms.cli.servers:worker",
    "beat": "psms.cli.servers:beat",
    "flower": "psms.cli.servers:flower",
    "drain": "psms.cli.drain:drain",
    "work": "psms.cli.work:work",
    "keys": "psms.cli.keys:keys",
    "logs": "psms.cli.logs:logs",
    "sla": "psms.cli.sla:sla",
    "webhooks": "psms.cli.webhooks:webhooks",
    "check-models": "psms.cli.schema:check_models",
}


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """PSMS, the PiiComm Service Management System.

    `make up` starts everything on this machine. In production each of api, worker, beat and flower is a
    process of its own; DATABASE_URL and REDIS_URL say where the servers are.
    """
