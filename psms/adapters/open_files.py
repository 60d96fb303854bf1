"""How many files and connections this process may have open: as many as it is let. Who opens them is elsewhere."""

import resource

_MOST_FILES = 65536


def raise_limit_of_open_files() -> None:
    """Let this process, and those that it starts, open as many files as they may.

    The usual 1024 is less than the API's connections, or than those of a worker with many slots: each request to a
    partner takes two, and so does each line that is kept. Partners would be blamed for what could not be opened.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
