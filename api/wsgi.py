"""The WSGI entry of a server process: settings, Runtime, application."""

from api.app import create_app
from psms.settings import Environment, Settings
from psms.telemetry import set_up_logs
from workflows.boot import runtime_for

_settings = Settings.from_env()
set_up_logs(as_json=_settings.environment is not Environment.DEVELOPMENT, service="api")
app = create_app(runtime_for(_settings))
