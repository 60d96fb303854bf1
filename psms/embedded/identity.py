"""Under which user PostgreSQL runs: our own, or, since it refuses root, another one when we are root.

Decides and changes the ownership of a directory; the change of identity itself happens in
`psms.embedded.leash`.
"""

import os
import pwd
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from psms.embedded.launch import tied
from psms.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A way of being somebody, in the words of the leash, and who must own such a process's files."""

    text: str
    owner: int | None = None
    owner_group: int | None = None

    @property
    def drops_root(self) -> bool:
        """Whether such a process cannot enter directories that are closed to everybody but root."""
        return self.text.startswith("drop:")


SAME = Identity(text="same")


def for_postgres() -> Identity:
    """Return the identity to run PostgreSQL under.

    As root a user namespace is preferred: files stay root's and private directories stay private. Where the
    kernel or a container forbids it, root is given up for an unprivileged account.
    """
    if os.geteuid() != 0:
        return SAME
    namespace = in_user_namespace()
    permitted = can_run(namespace, sys.executable, "-I", "-S", "-c", "")
    return namespace if permitted else without_root()


def in_user_namespace() -> Identity:
    """Return the identity that is an unprivileged account inside and still root outside."""
    account = _unprivileged_account()
    return Identity(text=f"userns:{account.pw_uid}:{account.pw_gid}", owner=os.getuid(), owner_group=os.getgid())


def without_root() -> Identity:
    """Return the identity of an unprivileged account, in earnest."""
    account = _unprivileged_account()
    text = f"drop:{account.pw_uid}:{account.pw_gid}"
    return Identity(text=text, owner=account.pw_uid, owner_group=account.pw_gid)


def can_run(identity: Identity, *command: str) -> bool:
    """Answer whether *command* succeeds as *identity*: that may be forbidden, or the program out of reach."""
    trial = subprocess.run(
        tied(command, signal.SIGKILL, identity.text),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return trial.returncode == 0


def give(directory: Path, identity: Identity) -> None:
    """Make *identity* the owner of *directory* and all in it, if an earlier start ran under another one."""
    if identity.owner is None or directory.stat().st_uid == identity.owner:
        return
    group = -1 if identity.owner_group is None else identity.owner_group
    for path in (*directory.rglob("*"), directory):  # the directory last: its owner says that all is done
        os.chown(path, identity.owner, group, follow_symlinks=False)


def _unprivileged_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        pass
    for account in pwd.getpwall():
        if account.pw_uid != 0:
            return account
    raise Misconfigured(
        "PostgreSQL cannot run as root, and this machine has no other account to run it as: "
        "add one (for example with 'useradd nobody'), or start PSMS as an ordinary user"
    )
