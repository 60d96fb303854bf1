"""Golden fields of what the desk notes and keeps, for `test_read_fields`: timelines, time, ratings and macros."""

FOR_REQUESTERS_TIMELINE = ["actor", "at", "data", "id", "kind", "summary", "type"]
READ = {
    "timeline": sorted([*FOR_REQUESTERS_TIMELINE, "deliveries", "sequence"]),
    "time-entries": [
        "activity",
        "billable",
        "created_at",
        "id",
        "note",
        "seconds",
        "ticket_id",
        "updated_at",
        "user_id",
        "version",
        "worked_at",
    ],
    "time-totals": ["billable_seconds", "entries", "seconds", "ticket_id"],
    "satisfaction": ["changed_at", "comment", "may_rate", "rated_at", "score", "ticket_id", "until"],
    "satisfaction-reports": ["at", "by", "every", "groups", "since", "time_zone", "total", "until"],
    "macros": [
        "action",
        "add_tags",
        "created_at",
        "id",
        "name",
        "owner_id",
        "remove_tags",
        "reply",
        "reply_visibility",
        "set_fields",
        "team_id",
        "updated_at",
        "version",
        "visibility",
    ],
    "preview": ["comment", "macro_id", "ticket"],
    "timers": ["activity", "billable", "id", "note", "started_at", "ticket_id", "user_id"],
    "time-reports": [
        "at",
        "billable_seconds",
        "by",
        "complete",
        "entries",
        "every",
        "seconds",
        "since",
        "sums",
        "time_zone",
        "until",
    ],
}
LESS = {("timeline", "requester"): FOR_REQUESTERS_TIMELINE}
ACTS = {"stop": "time-entries", "timer": "timers"}
# What a rule answers a write with, where the last word of its address says other.
ANSWERS = {"/v1/tickets/<uuid:ticket_id>/macros/<uuid:macro_id>": ["comment", "macro_id", "ticket"]}
