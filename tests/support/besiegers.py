"""Senders and slots for lanes under siege: partners that hang until told, and slots that are only counted."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Lock
from typing import TypeVar

from psms.domain.attempts import SendResult, WebhookRequest
from tests.support.answers import ACCEPTED

T = TypeVar("T")


class Siege:
    """A sender whose partners under */hang* say nothing before *over*, and whose others answer at once.

    Counts what each address got, by its webhook-id, and how many hang now and hung at most.
    """

    def __init__(self) -> None:
        self.over = Event()
        self.got: dict[str, list[str]] = {}
        self.hanging = 0
        self.most_hanging = 0
        self._lock = Lock()

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Answer, or hang."""
        with self._lock:
            self.got.setdefault(request.url, []).append(request.headers["webhook-id"])
        if "/hang" in request.url:
            self._hang()
        return ACCEPTED

    def _hang(self) -> None:
        with self._lock:
            self.hanging += 1
            self.most_hanging = max(self.most_hanging, self.hanging)
        self.over.wait()
        with self._lock:
            self.hanging -= 1


class Answering:
    """A sender that gives these answers, one after the other, whoever is asked."""

    def __init__(self, *answers: SendResult) -> None:
        self._answers = list(answers)

    def send(self, request: WebhookRequest, /) -> SendResult:
        """Return the next one."""
        assert request.body
        return self._answers.pop(0)


class CountedSlots:
    """Slots of a process that is played: the test says how many are taken, and nothing runs in them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0

    @property
    def free(self) -> int:
        """How many the test has not taken."""
        return self.size - self.taken

    def submit(self, work: Callable[..., T], /, *args: object) -> Future[T]:
        """Refuse: nothing runs here."""
        raise NotImplementedError
