"""The limit without HTTP: a loop of the product's statements on one connection, a program of its own.

Arguments: database URL, file of recordings, name of the recording, seconds. Prints how many were done.
"""

import sys
import time
from pathlib import Path

from bench.recording import Replay, load


def _main() -> None:
    url, recordings, name, seconds = sys.argv[1:5]
    replay = Replay(url, load(Path(recordings))[name])
    for _ in range(5):
        replay.run()
    count = 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        replay.run()
        count += 1
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    _main()
