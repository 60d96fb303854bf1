"""What each role gets from each route of tickets and of the work on them, written down by hand. The rest: `matrix`."""

from tests.api.matrix_rows import (
    ADMIN,
    ADMIN_ELSEWHERE,
    ADMIN_GONE,
    ADMIN_MANAGER_GONE,
    APPROVAL,
    AWAY,
    CHANGE,
    COMMENTS,
    DESK,
    DESK_ELSEWHERE,
    DIRECTORY,
    EVERYBODY,
    LEADERS,
    LINKS,
    NO_REQUESTER_ELSEWHERE,
    NOT_ELSEWHERE,
    READ_RUNS,
    RUN,
    RUNS,
    SEE_ELSEWHERE,
    SPAN,
    TICKET,
    TIME,
    TIME_ELSEWHERE,
    TIME_MADE,
    TIME_WRITE,
    VOTERS,
    WATCHERS,
    Route,
    Row,
)

TICKETS: dict[Route, Row] = {
    ("POST", "/v1/tickets"): Row(own="201  201  201  201  201  403  403", body={"subject": "Printer on fire"}),
    ("GET", "/v1/tickets"): Row(own=EVERYBODY),
    ("GET", TICKET): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("PATCH", TICKET): Row(own=CHANGE, elsewhere=NOT_ELSEWHERE, body={"subject": "Edited {n}"}),
    ("POST", f"{TICKET}/transitions"): Row(
        own=CHANGE, elsewhere=NOT_ELSEWHERE, body={"action": "reopen"}, fresh="ticket_id"
    ),
    ("GET", f"{TICKET}/transitions"): Row(own=CHANGE, elsewhere=NOT_ELSEWHERE),
    ("GET", "/v1/lifecycles"): Row(own=EVERYBODY),
    ("GET", f"{TICKET}/approvals"): Row(own=EVERYBODY, of="asked_id"),
    ("POST", f"{TICKET}/approvals"): Row(
        own="201  201  201  403  201  403  403",
        body={"steps": [{"name": "Consent", "user_ids": ["{user_id}"]}]},
        fresh="request_id",
        of="request_id",
    ),
    ("GET", "/v1/approvals"): Row(own=EVERYBODY),
    ("GET", APPROVAL): Row(own=EVERYBODY),
    # Everybody's vote is asked for, and one more, so that the step stays pending.
    ("POST", f"{APPROVAL}/votes"): Row(own=VOTERS, body={"decision": "approve"}),
    ("POST", f"{APPROVAL}/delegate"): Row(own=VOTERS, body={"to_user_id": "{user_id}"}),
    ("POST", "/v1/approval-delegations"): Row(
        own="201  201  201  201  201  403  403", body={"delegate_id": "{user_id}", **AWAY}
    ),
    ("GET", "/v1/approval-delegations"): Row(own=EVERYBODY),
    # Somebody else's.
    ("DELETE", "/v1/approval-delegations/<uuid:delegation_id>"): Row(
        own="204  204  404  404  404  403  403", fresh="delegation_id"
    ),
    ("GET", "/v1/services/<uuid:service_id>/approvals"): Row(own=EVERYBODY),
    ("PUT", "/v1/services/<uuid:service_id>/approvals"): Row(own=LEADERS, body={"steps": []}),
    ("GET", f"{TICKET}/change"): Row(own=EVERYBODY, of="change_id"),
    ("PATCH", f"{TICKET}/change"): Row(
        own="200  200  200  403  200  403  403", body={"plan": "Swap {n}"}, of="change_id"
    ),
    ("GET", "/v1/change-calendar"): Row(own=EVERYBODY, query=SPAN),
    ("POST", f"{TICKET}/take"): Row(
        own="200  200  200  403  200  403  403", elsewhere="200  200  404  403  200  403  403", fresh="ticket_id"
    ),
    # With no team, or with one that assigns by hand: what else comes of it is in `test_routing`.
    ("POST", f"{TICKET}/route"): Row(
        own="409  409  409  403  409  403  403", elsewhere="409  409  404  403  409  403  403"
    ),
    ("GET", f"{TICKET}/routing"): Row(own=DIRECTORY, elsewhere="200  200  404  403  200  200  403"),
    ("GET", f"{TICKET}/sla"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("POST", f"{TICKET}/sla/<uuid:clock_id>/void"): Row(
        own=ADMIN, elsewhere=ADMIN_ELSEWHERE, body={"reason": "The customer's own outage."}
    ),
    ("DELETE", f"{TICKET}/sla/<uuid:clock_id>/void"): Row(own=ADMIN, elsewhere=ADMIN_ELSEWHERE),
    ("POST", COMMENTS): Row(
        own="201  201  201  201  201  403  403", elsewhere="201  201  404  404  201  403  403", body={"body": "Hello"}
    ),
    ("GET", COMMENTS): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("GET", f"{COMMENTS}/<uuid:comment_id>"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("GET", WATCHERS): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("GET", f"{TICKET}/timeline"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("GET", f"{TICKET}/time-entries"): Row(own=TIME, elsewhere=TIME_ELSEWHERE),
    ("POST", f"{TICKET}/time-entries"): Row(
        own=TIME_MADE, elsewhere="201  201  404  403  201  403  403", body={"seconds": 60}
    ),
    ("GET", f"{TICKET}/time-totals"): Row(own=TIME, elsewhere=TIME_ELSEWHERE),
    ("GET", f"{TICKET}/time-entries/<uuid:time_entry_id>"): Row(own=TIME, elsewhere=TIME_ELSEWHERE),
    # The entry is an admin's: of their own, agents change what they like, see `test_time_entries`.
    ("PATCH", f"{TICKET}/time-entries/<uuid:time_entry_id>"): Row(
        own=LEADERS,
        elsewhere="200  200  404  403  403  403  403",
        body={"note": "Changed {n}"},
        not_theirs=("agent", "integration"),
    ),
    ("DELETE", f"{TICKET}/time-entries/<uuid:time_entry_id>"): Row(
        own="204  204  403  403  403  403  403",
        elsewhere="204  204  404  403  403  403  403",
        fresh="time_entry_id",
        not_theirs=("agent", "integration"),
    ),
    ("PUT", f"{TICKET}/timer"): Row(own=TIME_WRITE),
    ("POST", f"{TICKET}/timer/stop"): Row(own=TIME_WRITE),
    ("GET", f"{TICKET}/satisfaction"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("PUT", f"{TICKET}/satisfaction"): Row(
        own="403  403  403  200  403  403  403",
        body={"comment": "Well done", "score": 5},
        fresh="ticket_id",
        not_theirs=("admin", "manager", "agent", "integration"),
    ),
    ("GET", "/v1/satisfaction-reports"): Row(own=TIME, query="?from=2026-01-01&to=2026-01-31&by=team"),
    ("POST", "/v1/macros"): Row(own=TIME_MADE, body={"name": "M", "reply": "Hello"}),
    ("GET", "/v1/macros"): Row(own=TIME_WRITE),
    ("GET", "/v1/macros/<uuid:macro_id>"): Row(own=TIME_WRITE),
    # The macro is an admin's, for everyone.
    ("PATCH", "/v1/macros/<uuid:macro_id>"): Row(
        own=LEADERS, body={"name": "Renamed {n}"}, not_theirs=("agent", "integration")
    ),
    ("DELETE", "/v1/macros/<uuid:macro_id>"): Row(
        own="204  204  403  403  403  403  403", fresh="macro_id", not_theirs=("agent", "integration")
    ),
    ("POST", f"{TICKET}/macros/<uuid:macro_id>"): Row(own=TIME_MADE, elsewhere="201  201  404  403  201  403  403"),
    ("GET", f"{TICKET}/macros/<uuid:macro_id>/preview"): Row(
        own=TIME_WRITE, elsewhere="200  200  404  403  200  403  403"
    ),
    ("GET", "/v1/timers"): Row(own=TIME_WRITE),
    ("DELETE", "/v1/timers/<uuid:timer_id>"): Row(own="204  204  404  403  404  403  403", fresh="timer_id"),
    ("GET", "/v1/time-reports"): Row(own=TIME, query="?from=2026-01-01&to=2026-01-31&by=user"),
    # The requester of the ticket is named; of anybody else they may not say it: see `test_watchers`.
    ("PUT", f"{WATCHERS}/<uuid:watcher_id>"): Row(own=CHANGE, elsewhere=NOT_ELSEWHERE),
    ("DELETE", f"{WATCHERS}/<uuid:watcher_id>"): Row(
        own="204  204  204  204  204  403  403", elsewhere="204  204  404  404  204  403  403"
    ),
    ("POST", LINKS): Row(
        own="201  201  201  403  201  403  403",
        elsewhere="201  201  404  403  201  403  403",
        body={"kind": "blocks", "ticket_id": "{other_id}"},
        fresh="other_id",
    ),
    ("GET", LINKS): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("GET", f"{LINKS}/<uuid:link_id>"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("DELETE", f"{LINKS}/<uuid:link_id>"): Row(
        own="204  204  204  403  204  403  403", elsewhere="204  204  404  403  204  403  403", fresh="link_id"
    ),
    ("PUT", f"{TICKET}/parent"): Row(
        own=DESK, elsewhere=DESK_ELSEWHERE, body={"parent_id": "{other_id}"}, fresh="other_id"
    ),
    ("DELETE", f"{TICKET}/parent"): Row(own=DESK, elsewhere=DESK_ELSEWHERE, fresh="ticket_id"),
    ("GET", f"{TICKET}/children"): Row(own=EVERYBODY, elsewhere=SEE_ELSEWHERE),
    ("POST", f"{TICKET}/resolve-with-incidents"): Row(own=DESK, elsewhere=DESK_ELSEWHERE, fresh="problem"),
    ("POST", f"{TICKET}/merge"): Row(own=DESK, elsewhere=DESK_ELSEWHERE, body={"into": "{other_id}"}, fresh="pair"),
    ("POST", f"{TICKET}/unmerge"): Row(own=DESK, elsewhere=DESK_ELSEWHERE, fresh="merged"),
    ("POST", f"{TICKET}/split"): Row(
        own="201  201  201  403  201  403  403",
        elsewhere="201  201  404  403  201  403  403",
        body={"subject": "The other matter", "comment_ids": ["{comment_id}"]},
        fresh="comment_id",
    ),
    ("DELETE", TICKET): Row(own=ADMIN_MANAGER_GONE, elsewhere=ADMIN_MANAGER_GONE, fresh="ticket_id"),
    ("GET", "/v1/deleted-tickets"): Row(own=LEADERS),
    ("POST", f"{TICKET}/restore"): Row(own=LEADERS, elsewhere=LEADERS, fresh="deleted"),
    ("POST", f"{TICKET}/purge"): Row(own=ADMIN_GONE, elsewhere=ADMIN_GONE, fresh="deleted"),
    ("GET", f"{TICKET}/presence"): Row(own=DIRECTORY, elsewhere=NO_REQUESTER_ELSEWHERE),
    ("PUT", f"{TICKET}/presence"): Row(own=DIRECTORY, elsewhere=NO_REQUESTER_ELSEWHERE, body={"activity": "viewing"}),
    ("GET", f"{TICKET}/automations"): Row(own=DIRECTORY, elsewhere=NO_REQUESTER_ELSEWHERE),
    ("GET", RUNS): Row(own=READ_RUNS),
    ("GET", RUN): Row(own=READ_RUNS, elsewhere=" 200  200  404  403  200  200  403"),
    ("POST", f"{RUN}/cancel"): Row(own=LEADERS, elsewhere=LEADERS, body={"reason": "Not needed."}, fresh="run_id"),
    ("POST", f"{RUN}/retry"): Row(own=LEADERS, elsewhere=LEADERS, fresh="run_id"),
}
