"""Timers under many hands: one for each person, and one entry of each, however many start and stop at once."""

from concurrent.futures import ThreadPoolExecutor

from psms.domain.pages import PageRequest
from psms.domain.time_entries import NewTimer
from psms.errors import PsmsError
from psms.runtime import Runtime
from tests.support.databases import MigratedDatabase
from tests.support.tenants import file_ticket, make_tenant
from workflows import time_entries, timers

HANDS = 8


def test_of_many_who_start_and_stop_at_once_one_timer_and_one_entry_come(
    rt: Runtime, database: MigratedDatabase
) -> None:
    acme = make_tenant(rt)
    ticket_ids = [file_ticket(rt, acme.actor) for _ in range(HANDS)]

    def start(number: int) -> str:
        try:
            return str(timers.start_timer(rt, acme.actor, ticket_ids[number], NewTimer()).ticket_id)
        except PsmsError as refused:
            return refused.code

    def stop(_: int) -> str:
        try:
            return str(timers.stop_timer(rt, acme.actor, running.ticket_id).ticket_id)
        except PsmsError as refused:
            return refused.code

    with ThreadPoolExecutor(HANDS) as hands:
        started = list(hands.map(start, range(HANDS)))
        (running,) = timers.list_timers(rt, acme.actor, PageRequest()).items
        stopped = list(hands.map(stop, range(HANDS)))

    assert sorted(started) == sorted([str(running.ticket_id), *["already_exists"] * (HANDS - 1)])
    assert sorted(stopped) == sorted([str(running.ticket_id), *["not_found"] * (HANDS - 1)])
    assert database.count("time_timers") == 0
    assert len(time_entries.list_entries(rt, acme.actor, running.ticket_id, PageRequest()).items) == 1
