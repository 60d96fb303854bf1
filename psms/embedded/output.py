"""What the processes print: every line into a log file, and prefixed and coloured onto the terminal.

A terminal that is not read, or a pipe whose reader went away, never holds up the stack: lines are then left
out there, and are still in the log files.
"""

import contextlib
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

_LOG_LIMIT = 10 * 1024 * 1024
_LONGEST_LINE = 64 * 1024
_BACKLOG = 5_000
_NAME_WIDTH = 8
_RESET = "\x1b[0m"
_COLOURS = ("36", "32", "35", "33", "34", "96", "92", "95", "93", "94")
_SGR = re.compile(r"\x1b\[[0-9;]*m")
# What a log line may carry from outside must not drive the terminal.
_HARMLESS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x1B)}


def wants_colour(environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Answer whether to colour: NO_COLOR (no-color.org), then FORCE_COLOR, then whether a person looks on."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


class Lines:
    """Cuts a stream of bytes into lines; a line without end is cut at 64 KiB."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Take the next *chunk* and return the lines that are complete by it, without their ends."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) >= _LONGEST_LINE:
            lines.append(self._rest)
            self._rest = b""
        return [line.removesuffix(b"\r") for line in lines]

    def finish(self) -> list[bytes]:
        """Return what is left when the stream has ended."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class LogFile:
    """A log file that starts anew at 10 MiB, keeping the one before it as NAME.log.1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append *line*. A full disk loses the line and nothing else."""
        try:
            if self._file.tell() >= _LOG_LIMIT:
                self._file.close()
                self._path.replace(self._path.with_suffix(".log.1"))
                self._file = self._path.open("ab", buffering=0)
            self._file.write(line + b"\n")
        except OSError:
            pass

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Terminal:
    """Writes to the terminal from a thread of its own and never makes the caller wait."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: deque[bytes] = deque()
        self._left_out = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_all, name="terminal", daemon=True)
        self._thread.start()

    def offer(self, line: bytes) -> None:
        """Write *line* soon, or leave it out when too many lines wait already."""
        with self._changed:
            if len(self._waiting) < _BACKLOG:
                self._waiting.append(line)
                self._changed.notify()
            else:
                self._left_out += 1

    def insist(self, line: bytes) -> None:
        """Write *line* as soon as the terminal takes it, however many lines wait."""
        with self._changed:
            self._waiting.append(line)
            self._changed.notify()

    def close(self, *, within_s: float = 2.0) -> None:
        """Write what waits, but give up on a terminal that is not read *within_s* seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(within_s)

    def _write_all(self) -> None:
        while lines := self._take():
            try:
                self._stream.write(b"".join(line + b"\n" for line in lines))
                self._stream.flush()
            except (OSError, ValueError):
                self._forget_reader()

    def _forget_reader(self) -> None:
        """Write to nowhere from now on: the stream's buffer would fail again, and at the very end as well."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def _take(self) -> list[bytes]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            lines = list(self._waiting)
            self._waiting.clear()
            if self._left_out:
                lines.append(b"... %d lines left out here; the log files have them" % self._left_out)
                self._left_out = 0
            return lines


class Output:
    """The one place where lines of the stack go: `line` for a process's, `say` for the supervisor's own."""

    def __init__(self, logs: Path, *, colour: bool, stream: BinaryIO | None = None) -> None:
        self._logs = logs
        self._colour = colour
        self._terminal = Terminal(stream or sys.stdout.buffer)
        self._files: dict[str, LogFile] = {}
        self._colours: dict[str, str] = {}

    def line(self, name: str, line: bytes) -> None:
        """Take one *line* that the process *name* wrote."""
        self._file_of(name).write(line)
        self._terminal.offer(self._prefixed(name, line.decode(errors="replace")))

    def say(self, sentence: str) -> None:
        """Tell the operator *sentence*."""
        for line in sentence.splitlines():
            self._file_of("psms").write(line.encode())
            self._terminal.insist(self._prefixed("psms", line))

    def announce(self, block: str) -> None:
        """Show *block* as it is, without a prefix."""
        for line in block.splitlines():
            self._terminal.insist(line.encode())

    def close(self) -> None:
        """Write what waits for the terminal and close all."""
        self._terminal.close()
        for file in self._files.values():
            file.close()

    def _file_of(self, name: str) -> LogFile:
        if name not in self._files:
            self._files[name] = LogFile(self._logs / f"{name}.log")
        return self._files[name]

    def _prefixed(self, name: str, line: str) -> bytes:
        prefix = f"{time.strftime('%H:%M:%S')} {name:<{_NAME_WIDTH}} |"
        if not self._colour:
            return f"{prefix} {_harmless(_SGR.sub('', line))}".encode()
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\x1b[{colour}m{prefix}{_RESET} {_with_colours_only(line)}".encode()


def _with_colours_only(line: str) -> str:
    pieces = _SGR.split(line)
    if len(pieces) == 1:
        return _harmless(line)
    colours = (*_SGR.findall(line), _RESET)
    return "".join(_harmless(piece) + colour for piece, colour in zip(pieces, colours, strict=True))


def _harmless(text: str) -> str:
    return text.translate(_HARMLESS).replace("\x1b", "\\x1b")
