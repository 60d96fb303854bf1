"""Many writers at once, without HTTP: each repeats the product's statements on a connection of its own.

Arguments: database URL, file of recordings, name of the recording, seconds, writers. Prints how many were done.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from bench.recording import Replay, load

_WARM_UP = 5


def _main() -> None:
    url, recordings, name, seconds, writers = sys.argv[1:6]
    statements = load(Path(recordings))[name]
    ready = Barrier(int(writers))

    def write() -> int:
        replay = Replay(url, statements)
        for _ in range(_WARM_UP):
            replay.run()
        ready.wait()
        count = 0
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            replay.run()
            count += 1
        return count

    with ThreadPoolExecutor(int(writers)) as pool:
        done = [pool.submit(write) for _ in range(int(writers))]
        sys.stdout.write(f"{sum(one.result() for one in done)}\n")


if __name__ == "__main__":
    _main()
