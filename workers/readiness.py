"""How a process says that it does its work: to the operator in the log, to its starter by a file."""

from pathlib import Path
from threading import Lock

from psms.telemetry import logger

log = logger(__name__)


class Readiness:
    """Says it once: later calls do nothing. May be called from any thread."""

    def __init__(self, ready_file: str) -> None:
        """Remove *ready_file* (none where empty), which may be left from an earlier process."""
        self._file = Path(ready_file) if ready_file else None
        self._lock = Lock()
        self._said = False
        if self._file:
            self._file.unlink(missing_ok=True)

    def ready(self, sentence: str) -> None:
        """Log *sentence* and touch the file."""
        with self._lock:
            if self._said:
                return
            self._said = True
        log.info(sentence)
        if self._file:
            self._file.touch()
