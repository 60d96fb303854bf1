"""Flower, for operators to watch the queues; it is told everything here and reads no settings of its own."""

import signal
import sys
from typing import Any

from psms.errors import Misconfigured
from psms.settings import Settings
from psms.telemetry import logger
from workers.app import make_celery

log = logger(__name__)
