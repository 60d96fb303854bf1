"""The Celery application of PSMS: its settings and its tasks. Starting a worker lives in `workers.run`."""

from psms.adapters.broker import celery_settings
from psms.settings import Settings
from workers.base import DrainingApp
from workflows.names import Queue

_TASKS = [
    "workers.tasks.automations",
    "workers.tasks.logs",
    "workers.tasks.notifications",
    "workers.tasks.outbox",
    "workers.tasks.routing",
    "workers.tasks.runs",
    "workers.tasks.sla",
    "workers.tasks.upkeep",
    "workers.tasks.webhooks",
]


def make_celery(settings: Settings) -> DrainingApp:
    """Return the application with every queue; nothing is connected and no task imported yet.

    A worker gives it `drains` before it starts.
    """
    app = DrainingApp("psms", include=_TASKS, amqp="workers.connection:EagerAmqp")
    app.conf.update(celery_settings(settings.redis_url, [queue.value for queue in Queue]))
    return app
