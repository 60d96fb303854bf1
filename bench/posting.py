"""The limit of delivering: a bare loop of `requests.Session().post`, a program of its own.

Arguments: URL, seconds. Prints how many were answered for each second of its CPU time.
"""

import sys
import time

import requests


def _main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    count = 0
    with requests.Session() as session:
        session.post(url, data=b"{}", timeout=15)
        end, before = time.monotonic() + seconds, time.process_time()
        while time.monotonic() < end:
            session.post(url, data=b"{}", timeout=15)
            count += 1
    sys.stdout.write(f"{count / (time.process_time() - before)}\n")


if __name__ == "__main__":
    _main()
