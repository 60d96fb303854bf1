-- Links between tickets: one row, seen from both sides.

CREATE TABLE ticket_links (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    kind            text NOT NULL CONSTRAINT ck_ticket_links_kind
        CHECK (kind IN ('relates_to', 'duplicates', 'blocks', 'causes')),
    -- "from" does to "to" what the kind says. Of those that say it of each other, the smaller id comes first.
    from_id         uuid NOT NULL,
    to_id           uuid NOT NULL,
    created_by      uuid,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, from_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, to_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, created_by) REFERENCES users (organization_id, id) ON DELETE SET NULL (created_by),
    CONSTRAINT ck_ticket_links_two CHECK (from_id <> to_id),
    CONSTRAINT ck_ticket_links_order CHECK (kind <> 'relates_to' OR from_id < to_id)
);
-- Neither twice nor both ways: what blocks me I do not block.
CREATE UNIQUE INDEX uq_ticket_links ON ticket_links
    (organization_id, kind, LEAST(from_id, to_id), GREATEST(from_id, to_id));
CREATE INDEX ix_ticket_links_from ON ticket_links (organization_id, from_id, id);
CREATE INDEX ix_ticket_links_to ON ticket_links (organization_id, to_id, id);
CREATE INDEX ix_ticket_links_author ON ticket_links (organization_id, created_by) WHERE created_by IS NOT NULL;

SELECT psms_wall('ticket_links');
GRANT SELECT, INSERT, DELETE ON ticket_links TO psms_app;
