"""Exporting the log: entries as JSON Lines with a signed manifest, page by page; the export itself leaves an entry."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from psms.adapters.log_keys import LogSigner, has_signer, signer_of
from psms.db.queries import log_reading as queries
from psms.domain.access import Actor, Permission, require
from psms.domain.log_export import Manifest, PublishedKey, export_line, manifest_line, manifest_message
from psms.domain.logs import Span
from psms.errors import FieldError
from psms.ids import first_id_of
from psms.runtime import Runtime
from workflows import system_events, trail
from workflows.act import act_of

# What one request may ask for: it keeps one of the API's few threads until its end.
LONGEST_BY_API = timedelta(days=31)

_ACTION = "log.exported"
_PAGE = 1000
_MILLISECOND = timedelta(milliseconds=1)


def published_keys(rt: Runtime) -> list[PublishedKey]:
    """Return the key that exports are signed with now, if there is one; former ones are with whoever kept them."""
    return [signer_of(rt.settings).published()] if has_signer(rt.settings) else []


def export_logs(rt: Runtime, actor: Actor, span: Span) -> Iterator[bytes]:
    """Return the lines of *span* of the caller's organization, to be sent as they come.

    No transaction is open between two pages. Raises FieldError for a span of more than 31 days.
    """
    require(actor, Permission.LOG_EXPORT)
    signer = signer_of(rt.settings)
    with rt.db.begin(actor.organization_id) as session:
        act = act_of(rt, session, actor)
        ended = _ended(span, act.now)
        if _length(ended, act.now) > LONGEST_BY_API:
            raise FieldError("from", "at most 31 days at once; for more, `python -m psms logs export`")
        shown = {"from": span.since, "to": ended.until}
        trail.note(act, _ACTION, ("log", None), trail.added(shown))
    return _lines(rt, signer, actor.organization_id, ended, act.now)


def export_by_operator(rt: Runtime, organization_id: UUID, span: Span) -> Iterator[bytes]:
    """Return the lines of *span* of any organization; its log says that the operator had them."""
    signer = signer_of(rt.settings)
    now = rt.db.ask(rt.clock.now)
    ended = _ended(span, now)
    facts = {"from": span.since, "to": ended.until, "by": "operator"}
    system_events.record_in(rt, organization_id, _ACTION, facts=facts)
    return _lines(rt, signer, organization_id, ended, now)


def _ended(span: Span, now: datetime) -> Span:
    return Span(since=span.since, until=now if span.until is None else min(span.until, now))


def _length(span: Span, now: datetime) -> timedelta:
    return timedelta.max if span.since is None else (span.until or now) - span.since


def _lines(rt: Runtime, signer: LogSigner, organization_id: UUID, span: Span, now: datetime) -> Iterator[bytes]:
    digest = hashlib.sha256()
    count = 0
    for line in _entry_lines(rt, organization_id, span):
        digest.update(line)
        count += 1
        yield line
    manifest = Manifest(
        organization_id=organization_id,
        since=span.since,
        until=span.until or now,
        exported_at=now,
        entries=count,
        sha256=digest.hexdigest(),
        key_id=signer.key_id,
    )
    yield manifest_line(manifest, signer.sign(manifest_message(manifest)))


def _entry_lines(rt: Runtime, organization_id: UUID, span: Span) -> Iterator[bytes]:
    until = span.until
    if until is None:
        return
    # An id has the millisecond, an entry the microsecond.
    after = UUID(int=0) if span.since is None else first_id_of(span.since)
    before = first_id_of(until + _MILLISECOND)
    while True:
        with rt.db.begin(organization_id) as session:
            page = queries.span(session, organization_id, after, before, _PAGE)
        for row in page:
            if row.at < until and (span.since is None or row.at >= span.since):
                yield export_line(queries.entry_of(row), row.seq, None if row.hash is None else bytes(row.hash))
        if len(page) < _PAGE:
            return
        after = page[-1].id
