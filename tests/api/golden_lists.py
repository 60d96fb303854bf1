"""The fields of each kind of answer, written down by hand. Who reads which answer is in `test_read_fields`."""

ORGANIZATION = [
    "ask_satisfaction", "auto_close_after_seconds", "created_at", "default_service_id", "id", "name", "priority_matrix",
    "purge_deleted_after_seconds", "updated_at", "version",
]  # fmt: skip
TEAM = ["created_at", "id", "member_ids", "name", "updated_at", "version"]
SERVICE_OR_STATE = ["active", "created_at", "id", "name", "updated_at", "version"]
CATALOGUED = ["category", "description", "form_version", "id", "incident", "name", "position", "version"]
SERVICE = sorted([
    *CATALOGUED, "active", "created_at", "default_team_id", "owner_id", "sla_policy_id", "updated_at",
    "visibility", "visible_team_ids",
])  # fmt: skip
FILLED_IN = ["fields", "service_id", "version"]
FORM = ["created_at", "created_by", *FILLED_IN]
ASSIGNMENT = ["created_at", "id", "service_id", "team_id", "user_id"]
CLIENT = [
    "active", "client_id", "created_at", "id", "name", "role", "role_id", "scopes", "updated_at", "user_id", "version",
]  # fmt: skip
ROLE = ["base_role", "created_at", "id", "name", "permissions", "updated_at", "version"]
POLICY = [
    "active",
    "conditions",
    "created_at",
    "definition_version",
    "first_response_seconds",
    "id",
    "name",
    "position",
    "priority",
    "resolution_seconds",
    "targets",
    "updated_at",
    "version",
]
CALENDAR = [
    "always_open",
    "created_at",
    "definition_version",
    "exceptions",
    "holiday_source",
    "holidays",
    "id",
    "name",
    "time_zone",
    "updated_at",
    "version",
    "weekly",
]
EVENT_TYPE = ["description", "group", "schema_version", "subscribable", "type"]
ENDPOINT = [
    "created_at", "description", "disabled_reason", "event_filter", "event_types", "failed_attempts", "failing_since",
    "headers", "id", "kind", "last_success_at", "max_in_flight", "order", "public_keys", "rate_per_minute",
    "schema_version", "signatures", "state", "timeout_seconds", "updated_at", "url", "verified_at", "version",
]  # fmt: skip
DELIVERY = [
    "attempts", "created_at", "dead_reason", "endpoint_id", "event_id", "event_type", "finished_at",
    "first_attempt_at", "id", "last_error", "last_status", "next_attempt_at", "occurred_at", "sequence", "state",
    "ticket_id",
]  # fmt: skip
REPLAY = [
    "created_at", "created_by", "done", "dry_run", "endpoint_id", "error", "event_types", "failures", "finished_at",
    "id", "matched", "mode", "released", "since", "state", "until",
]  # fmt: skip
PULLED = ["body", "event_id", "event_type", "occurred_at", "sequence", "state", "ticket_id"]
LEDGER = [
    "accounted", "days", "endpoint_id", "gapless", "last_sequence", "since", "total", "unrelayed", "until",
]  # fmt: skip
ENTRY = [
    "action", "actor_id", "address", "after", "at", "before", "client_id", "id", "outcome", "request_id", "target_id",
    "target_type",
]  # fmt: skip
AUTOMATION = [
    "actions", "active", "conditions", "created_at", "definition_version", "id", "name", "on", "position", "stop",
    "updated_at", "version",
]  # fmt: skip
FIRING = [
    "actions", "at", "automation_id", "automation_name", "automation_version", "depth", "event_id", "event_type", "id",
    "outcome", "refusals",
]  # fmt: skip
REBASE = [
    "applies", "calendar_id", "created_at", "error", "expected", "failures", "finished_at", "id", "policy_id",
    "retry_at", "started_at", "state", "tickets",
]  # fmt: skip
RUN = [
    "business_key", "created_at", "data", "due_at", "error", "finished_at", "id", "input", "kind", "reason", "result",
    "state", "step", "steps_done", "ticket_id", "tries", "updated_at", "version",
]  # fmt: skip
SIMULATED = [
    "at", "differences", "different", "filed", "levels", "metrics", "since", "tickets", "until", "used",
    "without_history",
]  # fmt: skip
DELETED = [
    "deleted_at", "id", "number", "purge_at", "requester_id", "status", "subject", "type", "version",
]  # fmt: skip
ROUTING = [
    "calendar_id", "capacity", "members", "skills", "strategy", "team_id", "updated_at", "version", "when_nobody",
]  # fmt: skip
TRIED = [
    "assigned", "at", "complete", "differences", "different", "longest_wait_seconds", "members", "reached_at", "since",
    "spread", "tickets", "unassigned", "until", "waited",
]  # fmt: skip
MANIFEST = ["entries", "exported_at", "key_id", "organization_id", "sha256", "since", "until"]

APPROVAL = [
    "asked_by", "began_at", "chain_id", "created_at", "decided_at", "escalated_at", "expires_at", "id", "name",
    "position", "quorum", "remind_at", "required", "source", "state", "ticket_id", "votes",
]  # fmt: skip
CHANGE = [
    "backout_plan", "collisions", "outcome", "plan", "planned_end", "planned_start", "risk", "ticket_id", "version",
]  # fmt: skip

# By the last word of the address: of one thing and of each in a list.
SHOWN_OTHERWISE = {
    "deliveries": ["attempts", "body", "delivery"],
    "workflow-runs": ["run", "signals", "steps"],
    "webhook-endpoints": sorted([*ENDPOINT, "circuit", "held", "next_probe_at"]),
}
