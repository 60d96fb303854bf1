"""Commits events by the product's own use cases at a steady pace, in a process of its own: no HTTP is in the way.

Reads its settings from the environment. Arguments: a token, events, events a second. Prints how many it committed.
How soon their webhooks come is measured in `delivering`.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from psms.domain.tickets import OpenTicket
from psms.settings import Settings
from tests.support.waiting import paced
from workflows.accounts import authenticate
from workflows.boot import runtime_for
from workflows.tickets import open_ticket

_WRITERS = 4


def _main() -> None:
    token, count, per_second = sys.argv[1:4]
    rt = runtime_for(Settings.from_env())
    actor = authenticate(rt, token, "bench")

    def commit(number: int) -> None:
        open_ticket(rt, actor, OpenTicket(subject=f"Committed {number}"), None)

    with ThreadPoolExecutor(_WRITERS) as pool:
        committed = [pool.submit(commit, number) for number in paced(int(count), float(per_second))]
        for one in committed:
            one.result()
    sys.stdout.write(f"{len(committed)}\n")


if __name__ == "__main__":
    _main()
