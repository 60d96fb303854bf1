-- Tickets that go on as part of another one, and what they were, so that a merge can be taken back.

CREATE TABLE ticket_merges (
    organization_id uuid NOT NULL,
    -- The ticket that was merged, which has one merge at a time.
    id              uuid NOT NULL,
    survivor_id     uuid NOT NULL,
    status          text NOT NULL,
    stage           text,
    closed_at       timestamptz,
    merged_by       uuid,
    merged_at       timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, survivor_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, merged_by) REFERENCES users (organization_id, id) ON DELETE SET NULL (merged_by)
);
CREATE INDEX ix_ticket_merges_survivor ON ticket_merges (organization_id, survivor_id);
CREATE INDEX ix_ticket_merges_author ON ticket_merges (organization_id, merged_by) WHERE merged_by IS NOT NULL;

-- Whom a merge lets follow the survivor, whether or not they did already.
CREATE TABLE ticket_merge_watchers (
    organization_id uuid NOT NULL,
    merge_id        uuid NOT NULL,
    user_id         uuid NOT NULL,
    PRIMARY KEY (organization_id, merge_id, user_id),
    FOREIGN KEY (organization_id, merge_id) REFERENCES ticket_merges (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_ticket_merge_watchers_user ON ticket_merge_watchers (organization_id, user_id);

-- They follow only because of a merge: when that is taken back, they no longer do.
ALTER TABLE ticket_watchers ADD COLUMN by_merge boolean NOT NULL DEFAULT false;
GRANT UPDATE (by_merge) ON ticket_watchers TO psms_app;

SELECT psms_wall('ticket_merges');
SELECT psms_wall('ticket_merge_watchers');
GRANT SELECT, INSERT, DELETE ON ticket_merges, ticket_merge_watchers TO psms_app;

-- A split moves comments to the new ticket.
GRANT UPDATE (ticket_id) ON comments TO psms_app;
