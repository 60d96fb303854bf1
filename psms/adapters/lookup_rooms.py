"""Who may have a name looked up while others wait: a bound on look-ups at once, and on those that may hang.

Looking names up is in `psms.adapters.egress`.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from threading import Lock, Semaphore
from time import monotonic

_HOSTS_REMEMBERED = 4096


class LookupRooms:
    """Room for *size* look-ups at once; half of it for hosts not known to be answered for, of these half for the slow.

    A look-up holds its room until the name server answers or the system gives up, long after its request has: names
    whose servers hang must not keep those from being found that answer. Any number of threads may use it.
    """

    def __init__(self, size: int) -> None:
        self._all = Semaphore(size)
        self._not_prompt = Semaphore(size // 2)
        self._slow = Semaphore(size // 4)
        self._lock = Lock()
        self._prompt: OrderedDict[str, bool] = OrderedDict()

    def enter(self, host: str, deadline: float) -> Callable[[], None] | None:
        """Wait for room for *host* until *deadline*; return how to leave it again, None where there was none."""
        with ExitStack() as entered:
            # The narrowest first: who waits there takes no room from others.
            for room in self._rooms_for(host):
                if not room.acquire(timeout=max(0.0, deadline - monotonic())):
                    return None
                entered.callback(room.release)
            return entered.pop_all().close

    def note(self, host: str, *, prompt: bool) -> None:
        """Remember whether the last look-up of *host* ended in time, whatever the answer."""
        with self._lock:
            self._prompt[host] = prompt
            self._prompt.move_to_end(host)
            if len(self._prompt) > _HOSTS_REMEMBERED:
                self._prompt.popitem(last=False)

    def _rooms_for(self, host: str) -> tuple[Semaphore, ...]:
        match self._prompt.get(host):
            case True:
                return (self._all,)
            case None:
                return self._not_prompt, self._all
            case _:
                return self._slow, self._not_prompt, self._all
