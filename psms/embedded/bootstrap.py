"""A program of its own that makes `.venv` and installs the locked dependencies; what the Makefile runs first.

Run by path with whatever Python 3.11 or newer the machine has, so it uses the standard library only and imports
nothing of PSMS. `bootstrap.py trial` is enough for `make up`; `bootstrap.py all` is for tests and checks.
It does nothing when the locked files are those of the last time.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PROJECT = Path(__file__).resolve().parents[2]
_VENV = _PROJECT / ".venv"
_PYTHON = _VENV / "bin" / "python"
_MADE = _VENV / "made-from.json"
_LOCKED = {"trial": "requirements-trial.txt", "all": "requirements-dev.txt"}
_OLDEST_GLIBC = (2, 28)


def main(wanted: str) -> int:
    """Make sure that what *wanted* names, `trial` or `all`, is installed; return the exit status."""
    with _one_at_a_time():
        if _is_made(wanted):
            return 0
        obstacle = _obstacle()
        if obstacle:
            sys.stderr.write(f"{obstacle}\n")
            return 1
        _make_environment()
        installed = _install_uv() and _install(wanted)
        if not installed:
            sys.stderr.write("The dependencies could not be installed; the reason is above.\n")
            return 1
        _remember(wanted)
        return 0


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    directory = os.open(_PROJECT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _is_made(wanted: str) -> bool:
    """Answer whether the environment is up to date for *wanted*. Whoever has all has the trial, too."""
    made = _made()
    current = any(made.get(name) == _key(name) for name in {wanted, "all"})
    return current and made.get("python") == _minor() and os.access(_PYTHON, os.X_OK)


def _made() -> dict[str, str]:
    try:
        return dict(json.loads(_MADE.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _remember(wanted: str) -> None:
    _MADE.write_text(json.dumps({**_made(), wanted: _key(wanted), "python": _minor()}), encoding="utf-8")


def _key(name: str) -> str:
    return hashlib.sha256((_PROJECT / _LOCKED[name]).read_bytes()).hexdigest()


def _minor() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _obstacle() -> str | None:
    """Return why this machine cannot have the environment, and what to do, or None when it can."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        return (
            f"{sys.executable} has no venv module, which PSMS is installed with: install it (on Debian and "
            f"Ubuntu 'apt-get install python3-venv') and run make again."
        )
    library, version = platform.libc_ver()
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    fits = library == "glibc" and numbers >= _OLDEST_GLIBC and platform.machine() in {"x86_64", "aarch64"}
    if not fits:
        return (
            f"This is {platform.machine()} with {library or 'a C library other than glibc'} {version}, and the "
            "PostgreSQL and Valkey that PSMS brings along need x86_64 or aarch64 with glibc 2.28 or newer: use "
            "such a machine, or the containers of docker-compose.yml."
        )
    return None


def _make_environment() -> None:
    """Make `.venv`, anew where it is broken or of another Python than the one that runs this."""
    told = _run_quietly(_PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    if told == _minor() and _run_quietly(_PYTHON, "-m", "pip", "--version"):
        return
    sys.stdout.write(f"Making {_VENV.name} with Python {platform.python_version()}\n")
    sys.stdout.flush()
    # Not this interpreter's own link in .venv, which is about to be replaced.
    python = Path(sys.base_prefix) / "bin" / f"python{_minor()}"
    program = python if python.exists() else Path(sys.executable)
    subprocess.run([program, "-m", "venv", "--clear", _VENV], check=True)


def _install_uv() -> bool:
    """Install uv, which takes a tenth of pip's time, at the version and with the hashes of the locked file."""
    blocks = (_PROJECT / _LOCKED["all"]).read_text(encoding="utf-8").split("\n")
    start = next(number for number, line in enumerate(blocks) if line.startswith("uv=="))
    end = next(number for number in range(start + 1, len(blocks)) if not blocks[number].startswith(" "))
    version = blocks[start].split()[0].removeprefix("uv==")
    if (_run_quietly(_PYTHON, "-m", "uv", "--version") or "").split()[1:2] == [version]:
        return True
    requirement = _VENV / "uv-requirement.txt"
    requirement.write_text("\n".join(blocks[start:end]) + "\n", encoding="utf-8")
    return _pip("-r", str(requirement))


def _install(wanted: str) -> bool:
    locked = _PROJECT / _LOCKED[wanted]
    sys.stdout.write(f"Installing {locked.name} into {_VENV.name}\n")
    sys.stdout.flush()
    options = ("--quiet", "--require-hashes", "--compile-bytecode", "--python", str(_PYTHON))
    command = [str(_PYTHON), "-m", "uv", "pip", "install", *options, "-r", str(locked)]
    if subprocess.run(command, env=_uv_environment(), check=False).returncode == 0:
        return True
    sys.stdout.write("uv could not do it; trying pip, which takes longer\n")
    sys.stdout.flush()
    return _pip("-r", str(locked))


def _pip(*arguments: str) -> bool:
    options = ("--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps")
    command = [str(_PYTHON), "-m", "pip", "install", *options, *arguments]
    return subprocess.run(command, check=False).returncode == 0


def _uv_environment() -> dict[str, str]:
    """Return the environment for uv, which heeds neither pip's mirror nor the machine's certificates by itself."""
    environment = dict(os.environ)
    mirror = environment.get("PIP_INDEX_URL") or _run_quietly(_PYTHON, "-m", "pip", "config", "get", "global.index-url")
    if mirror:
        environment.setdefault("UV_DEFAULT_INDEX", mirror)
    if ssl.create_default_context().get_ca_certs():
        environment.setdefault("UV_SYSTEM_CERTS", "true")
    return environment


def _run_quietly(*command: str | Path) -> str | None:
    """Return what *command* prints, or None when it fails or does not exist."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
