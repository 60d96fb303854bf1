-- What requesters thought of how their tickets were dealt with, and whether they are asked by mail.

CREATE TABLE ticket_ratings (
    organization_id uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    user_id         uuid NOT NULL,
    score           smallint NOT NULL CONSTRAINT ck_ticket_ratings_score CHECK (score >= 1 AND score <= 5),
    comment         text NOT NULL DEFAULT '',
    rated_at        timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, ticket_id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
CREATE INDEX ix_ticket_ratings_user ON ticket_ratings (organization_id, user_id);
-- Reports count the tickets that were resolved in a span.
CREATE INDEX ix_tickets_resolved ON tickets (organization_id, resolved_at) WHERE resolved_at IS NOT NULL;

SELECT psms_wall('ticket_ratings');
GRANT SELECT, INSERT, UPDATE ON ticket_ratings TO psms_app;

ALTER TABLE organizations ADD COLUMN ask_satisfaction boolean NOT NULL DEFAULT false;

-- Who is named is told, and nobody in their place.
ALTER TABLE notifications
    DROP CONSTRAINT ck_notifications_rule,
    ADD CONSTRAINT ck_notifications_rule CHECK (rule IN ('watchers', 'team_duty', 'organization_duty', 'team_managers',
        'managers', 'admins', 'approver', 'requester', 'mentioned'));
ALTER TABLE mails
    DROP CONSTRAINT ck_mails_reason,
    ADD CONSTRAINT ck_mails_reason CHECK (reason IN ('assignee', 'team', 'lead', 'watcher', 'duty', 'approver',
        'requester', 'mentioned'));
