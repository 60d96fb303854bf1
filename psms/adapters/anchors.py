"""Anchors: where checkpoints are kept outside the database, as files of a directory or as objects of S3."""

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from psms.domain.log_chain import Anchored, Checkpoint, checkpoint_from, checkpoint_text
from psms.errors import DependencyUnavailable, Misconfigured
from psms.settings import Environment, Settings

_VARIABLE = "PSMS_LOG_ANCHOR"


class Anchor(Protocol):
    """A place that whoever may change the database had better not be able to change."""

    def write(self, checkpoint: Checkpoint, /) -> None:
        """Keep *checkpoint* for good; raises DependencyUnavailable unless it is on the disk."""
        ...

    def read(self) -> Anchored:
        """Return everything that is kept; raises DependencyUnavailable when it cannot be read."""
        ...


class DirectoryAnchor:
    """A file for each organization, a line for each checkpoint. Nothing is ever changed, only appended."""

    def __init__(self, directory: Path) -> None:
        """Use *directory*, which is made when it is first written to."""
        self._directory = directory

    def write(self, checkpoint: Checkpoint, /) -> None:
        """Append a line and wait until it is on the disk."""
        path = self._directory / f"{checkpoint.organization_id}.jsonl"
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._append(path, checkpoint_text(checkpoint).encode())
        except OSError as problem:
            raise self._unusable(problem) from problem

    def _append(self, path: Path, line: bytes) -> None:
        is_new = not path.exists()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "rb+", buffering=0) as out:
            # One write, and a line of its own even behind one that a crash cut short.
            out.write((b"" if _ends_with_a_line(out.fileno()) else b"\n") + line + b"\n")
            os.fsync(out.fileno())
        if is_new:
            _sync_directory(self._directory)

    def read(self) -> Anchored:
        """Return every whole line; one that a crash cut short is no checkpoint."""
        found: Anchored = defaultdict(list)
        try:
            paths = sorted(self._directory.glob("*.jsonl")) if self._directory.exists() else []
            for path in paths:
                for checkpoint in _checkpoints_in(path.read_text(encoding="utf-8")):
                    found[checkpoint.organization_id].append(checkpoint)
        except OSError as problem:
            raise self._unusable(problem) from problem
        return found

    def _unusable(self, problem: OSError) -> DependencyUnavailable:
        return DependencyUnavailable(
            f"the anchor of the log, {self._directory}, cannot be used ({problem.strerror}): "
            f"mend it, or let {_VARIABLE} name another place"
        )


def anchor_of(settings: Settings, named: str = "") -> Anchor:
    """Return the anchor that *named* says, else the one of this installation: a directory or s3://bucket/prefix.

    Raises Misconfigured where production has none, or where what S3 needs is not installed.
    """
    place = named or settings.log_proof.anchor
    if not place and settings.environment is Environment.PRODUCTION:
        raise Misconfigured(
            f"set {_VARIABLE} to a directory on another machine's disk, or to s3://bucket/prefix: "
            "in production the log is anchored outside the database"
        )
    if not place.startswith("s3://"):
        return DirectoryAnchor(Path(place) if place else settings.home / "anchors")
    from psms.adapters.anchors_s3 import S3Anchor  # noqa: PLC0415  (boto3 is an extra)

    parts = urlsplit(place)
    return S3Anchor(parts.netloc, parts.path.strip("/"))


def _ends_with_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checkpoints_in(text: str) -> Iterator[Checkpoint]:
    for line in text.splitlines():
        try:
            yield checkpoint_from(line)
        except ValueError:
            continue
