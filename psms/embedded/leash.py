"""A program of its own that starts one command so that nothing of it can outlive whoever asked for it.

Run by path with a bare interpreter (`python -I -S leash.py …`), so it uses the standard library only. It
starts and ends processes; what is started, when and how often is decided in `psms.embedded.children`. It is
run in two ways:

* `hold PARENT -- COMMAND…` stays between the supervisor and an application. It passes SIGTERM on, adopts
  every descendant that loses its parent, and when the command ends, when it gets SIGQUIT or when the
  supervisor dies, it kills all that is left, however deep.
* `become PARENT SIGNAL IDENTITY -- COMMAND…` turns into a server. The kernel sends SIGNAL when the supervisor
  dies.

IDENTITY is `same`, `userns:UID:GID` (UID is what this user is called in a user namespace of its own) or
`drop:UID:GID` (give up root for UID). PostgreSQL refuses to run as root, which the last two are for.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWUSER = 0x10000000
_CANNOT_START = 71  # sysexits.h: EX_OSERR
_WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> NoReturn:
    """Do what the command line says; the module's docstring has its two forms."""
    separator = arguments.index("--")
    (manner, parent, *details), command = arguments[:separator], arguments[separator + 1 :]
    try:
        if manner == "hold":
            _hold(int(parent), command)
        stop_signal, identity = details
        _become(int(parent), int(stop_signal), identity, command)
    except OSError as problem:
        sys.stderr.write(f"cannot start {command[0]}: {problem.strerror}\n")
        sys.exit(_CANNOT_START)


def die_with_parent(parent: int, with_signal: int) -> None:
    """Have the kernel send *with_signal* to this process when process *parent*, which started it, dies.

    To be called after every change of identity, since the kernel forgets the wish at each of them.
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0))
    if os.getppid() != parent:  # it died before the wish was known
        os._exit(128 + int(with_signal))


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, in the place of process 1."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def _hold(parent: int, command: list[str]) -> NoReturn:
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    adopt_orphans()
    die_with_parent(parent, signal.SIGQUIT)
    leash = os.getpid()
    held = os.fork()
    if held == 0:
        _start_held(leash, command)
    while True:
        received = signal.sigwait(_WATCHED)
        if received == signal.SIGQUIT:
            _kill_descendants()
            os._exit(128 + signal.SIGKILL)
        if received != signal.SIGCHLD:
            os.kill(held, signal.SIGTERM)
        elif (status := _reap(held)) is not None:
            _kill_descendants()
            os._exit(status)


def _start_held(leash: int, command: list[str]) -> NoReturn:
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        die_with_parent(leash, signal.SIGKILL)
        _execute(command)
    except OSError as problem:
        sys.stderr.write(f"cannot start {command[0]}: {problem.strerror}\n")
        sys.stderr.flush()
        os._exit(_CANNOT_START)


def _become(parent: int, stop_signal: int, identity: str, command: list[str]) -> NoReturn:
    manner, *ids = identity.split(":")
    if manner == "userns":
        _enter_user_namespace(*map(int, ids))
    elif manner == "drop":
        _drop_root(*map(int, ids))
    die_with_parent(parent, stop_signal)
    _execute(command)


def _enter_user_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.getuid(), os.getgid()
    _check(_libc.unshare(_CLONE_NEWUSER))
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outer_uid} 1"),
        ("gid_map", f"{gid} {outer_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 (pathlib takes 10 ms to import)
            file.write(text)


def _drop_root(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _execute(command: list[str]) -> NoReturn:
    # Python ignores these two for itself, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 (starting a given command is what this program is for)


def _reap(held: int) -> int | None:
    """Collect every child that ended; answer the exit status of *held*, as a shell gives it, once it has."""
    answer = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return answer
        if pid == 0:
            return answer
        if pid == held:
            code = os.waitstatus_to_exitcode(status)
            answer = code if code >= 0 else 128 - code


def _kill_descendants() -> None:
    """Kill children until there are none; those of a killed child become ours, as orphans are adopted."""
    while True:
        for pid in children_of(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children_of(pid: int) -> Iterator[int]:
    """Yield the ids of the present children of process *pid*, those it adopted among them."""
    for name in os.listdir("/proc"):  # noqa: PTH208 (as above)
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 (as above)
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while the list was read
        if parent == pid:
            yield int(name)


def _check(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
