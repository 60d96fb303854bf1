-- Mails: one for each notification and recipient. Addresses are not here; they stay encrypted with their users.

-- Null until a notification's mails are made. A default that existing rows get and new ones do not: nobody is told
-- today of what happened before there were mails.
ALTER TABLE notifications ADD COLUMN fanned_out_at timestamptz DEFAULT now();
ALTER TABLE notifications ALTER COLUMN fanned_out_at DROP DEFAULT;
CREATE INDEX ix_notifications_new ON notifications (created_at, id) WHERE fanned_out_at IS NULL;

CREATE TABLE mails (
    organization_id  uuid NOT NULL,
    -- Also the left half of the Message-ID, so it is the same however often the mail is sent.
    id               uuid NOT NULL,
    notification_id  uuid NOT NULL,
    user_id          uuid NOT NULL,
    -- Why this person: the ticket is theirs, or their team's, or nobody's and they lead the desk.
    reason           text NOT NULL CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead')),
    state            text NOT NULL CONSTRAINT ck_mails_state CHECK (state IN ('pending', 'in_flight', 'sent', 'dead')),
    next_attempt_at  timestamptz NOT NULL,
    -- failures counts those that use up the schedule, tries every exchange with the mail server.
    failures         integer NOT NULL DEFAULT 0,
    tries            integer NOT NULL DEFAULT 0,
    leases_lost      integer NOT NULL DEFAULT 0,
    lease_token      uuid,
    lease_expires_at timestamptz,
    last_error       text,
    dead_reason      text,
    created_at       timestamptz NOT NULL,
    finished_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, notification_id) REFERENCES notifications (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE UNIQUE INDEX uq_mails_recipient ON mails (organization_id, notification_id, user_id);
CREATE INDEX ix_mails_user ON mails (organization_id, user_id);
CREATE INDEX ix_mails_due ON mails (next_attempt_at, id) WHERE state = 'pending';
CREATE INDEX ix_mails_lease ON mails (lease_expires_at) WHERE state = 'in_flight';
CREATE INDEX ix_mails_dead ON mails (organization_id, id) WHERE state = 'dead';
CREATE INDEX ix_mails_finished ON mails (finished_at) WHERE finished_at IS NOT NULL;

ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON mails TO psms_app
    USING (organization_id = (SELECT psms_organization()))
    WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, UPDATE ON mails TO psms_app;
GRANT UPDATE (fanned_out_at) ON notifications TO psms_app;

CREATE POLICY claim ON mails TO psms_claimer USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (state, lease_token, lease_expires_at, tries, leases_lost, next_attempt_at, dead_reason,
    finished_at), DELETE ON mails TO psms_claimer;
CREATE POLICY claim ON notifications TO psms_claimer USING (fanned_out_at IS NULL);
-- A row lock needs the right to update; the claimer changes nothing.
GRANT SELECT (organization_id, id, created_at, fanned_out_at), UPDATE (fanned_out_at) ON notifications TO psms_claimer;
