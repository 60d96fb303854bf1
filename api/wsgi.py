"""The WSGI entry of a server process. Its logs and metrics are set up by `psms api`, which serves it."""

from api.app import create_app
from psms.settings import Settings
from workflows.boot import runtime_for

app = create_app(runtime_for(Settings.from_env()))
