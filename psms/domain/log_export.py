"""Exports of the log: a line for each entry, and a signed manifest as the last; checked without a server."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from psms.domain.log_chain import KeptEntry, canonical, instant_text, link_of_text

_PREFIX = b"psms.log.export.v1|"
_ENTRY, _SEAL = b'{"entry":', b',"seal":'

SignatureCheck = Callable[[str, bytes, bytes], bool]
"""Tells whether the trusted key of a name signed a message: key id, message, signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an export holds. *since* is included, *until* is not; *sha256* is over all lines before this one."""

    organization_id: UUID
    since: datetime | None
    until: datetime
    exported_at: datetime
    entries: int
    sha256: str
    key_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A key of the log as anybody may have it.

    *fingerprint* is the SHA-256 of the 32 bytes of the key, *key_id* its first 16 digits, *public_key* PEM.
    """

    key_id: str
    algorithm: str
    fingerprint: str
    public_key: str


def export_line(entry: KeptEntry, seq: int | None, seal_hash: bytes | None) -> bytes:
    """Return the line of one entry, its text being the one that was hashed; *seq* is None where it is not sealed."""
    seal = b"null" if seq is None or seal_hash is None else f'{{"hash":"{seal_hash.hex()}","seq":{seq}}}'.encode()
    return _ENTRY + canonical(entry) + _SEAL + seal + b"}\n"


def manifest_message(manifest: Manifest) -> bytes:
    """Return the bytes that a manifest's signature is over."""
    return _PREFIX + _manifest_text(_plain(manifest)).encode()


def manifest_line(manifest: Manifest, signature: bytes) -> bytes:
    """Return the last line of an export."""
    return f'{{"manifest":{_manifest_text(_plain(manifest))},"signature":"{signature.hex()}"}}\n'.encode()


class ExportCheck:
    """Reads an export line by line; memory does not grow with its length."""

    def __init__(self, is_signed: SignatureCheck) -> None:
        """Trust the signatures that *is_signed* confirms."""
        self._is_signed = is_signed
        self._digest = hashlib.sha256()
        self._last: tuple[int, bytes] | None = None
        self._manifest = False
        self.entries = 0

    def problems(self, lines: Iterable[bytes]) -> list[str]:
        """Return what is wrong with an export, each as a sentence; none when it is as it was made."""
        found: list[str] = []
        for line in lines:
            if self._manifest:
                found.append("Something follows the manifest.")
                break
            try:
                found += self._entry(line) if line.startswith(_ENTRY) else self._end(line)
            except (ValueError, KeyError, TypeError):
                found.append(f"Line {self.entries + 1} is not of an export.")
                break
        if not self._manifest and not found:
            found.append("The manifest is missing: the export was cut short.")
        return found

    def _entry(self, line: bytes) -> list[str]:
        self.entries += 1
        self._digest.update(line)
        text, _, rest = line[len(_ENTRY) :].rpartition(_SEAL)
        seal = json.loads(rest.rstrip()[:-1])
        if seal is None:
            self._last = None
            return []
        seq, seal_hash = int(seal["seq"]), bytes.fromhex(seal["hash"])
        before, self._last = self._last, (seq, seal_hash)
        if before is not None and before[0] == seq - 1 and link_of_text(before[1], text) != seal_hash:
            return [f"Line {self.entries}: the entry is not the one that was sealed at seq {seq}."]
        return []

    def _end(self, line: bytes) -> list[str]:
        read = json.loads(line)
        manifest, signature = read["manifest"], bytes.fromhex(read["signature"])
        self._manifest = True
        found = []
        if not self._is_signed(manifest["key_id"], _PREFIX + _manifest_text(manifest).encode(), signature):
            found.append("The manifest was not signed by a trusted key.")
        if manifest["entries"] != self.entries:
            found.append(f"The manifest speaks of {manifest['entries']} entries, {self.entries} are here.")
        if manifest["sha256"] != self._digest.hexdigest():
            found.append("The entries are not those that the manifest was signed for.")
        return found


def _plain(manifest: Manifest) -> dict[str, object]:
    values = {field.name: getattr(manifest, field.name) for field in fields(manifest)}
    return {name: _value(value) for name, value in values.items()}


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return instant_text(value)
    return str(value) if isinstance(value, UUID) else value


def _manifest_text(values: dict[str, object]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))
