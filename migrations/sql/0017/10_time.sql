-- Time that people spent on tickets, and the timers that are running: one for each person.

CREATE TABLE time_entries (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    user_id         uuid NOT NULL,
    seconds         bigint NOT NULL CONSTRAINT ck_time_entries_seconds CHECK (seconds > 0),
    worked_at       timestamptz NOT NULL,
    note            text NOT NULL DEFAULT '',
    activity        text,
    billable        boolean NOT NULL DEFAULT false,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
CREATE INDEX ix_time_entries_ticket ON time_entries (organization_id, ticket_id, id);
CREATE INDEX ix_time_entries_user ON time_entries (organization_id, user_id, worked_at);
CREATE INDEX ix_time_entries_worked ON time_entries (organization_id, worked_at);

CREATE TABLE time_timers (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    user_id         uuid NOT NULL,
    note            text NOT NULL DEFAULT '',
    activity        text,
    billable        boolean NOT NULL DEFAULT false,
    started_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
-- What makes it one for each person, however many try at once.
CREATE UNIQUE INDEX uq_time_timers_user ON time_timers (organization_id, user_id);
CREATE INDEX ix_time_timers_ticket ON time_timers (organization_id, ticket_id);

SELECT psms_wall('time_entries'), psms_wall('time_timers');
GRANT SELECT, INSERT, UPDATE, DELETE ON time_entries TO psms_app;
GRANT SELECT, INSERT, DELETE ON time_timers TO psms_app;
