-- What becomes of a ticket: its step within a status, its form, its family, and its end.

ALTER TABLE tickets
    -- The step within the status that only some types of ticket have.
    ADD COLUMN stage text CONSTRAINT ck_tickets_stage
        CHECK (stage IN ('awaiting_approval', 'planning', 'approved', 'scheduled', 'implementing', 'in_review')),
    -- The version of its service's form by which its custom fields are judged.
    ADD COLUMN form_version integer,
    ADD COLUMN parent_id uuid CONSTRAINT ck_tickets_parent CHECK (parent_id <> id),
    ADD COLUMN merged_into_id uuid CONSTRAINT ck_tickets_merged CHECK (merged_into_id <> id),
    -- Deleted tickets are hidden from every read until they are restored or purged.
    ADD COLUMN deleted_at timestamptz,
    ADD FOREIGN KEY (organization_id, parent_id) REFERENCES tickets (organization_id, id) ON DELETE SET NULL (parent_id),
    ADD FOREIGN KEY (organization_id, merged_into_id) REFERENCES tickets (organization_id, id)
        ON DELETE SET NULL (merged_into_id);
CREATE INDEX ix_tickets_parent ON tickets (organization_id, parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX ix_tickets_merged ON tickets (organization_id, merged_into_id, id) WHERE merged_into_id IS NOT NULL;
CREATE INDEX ix_tickets_deleted ON tickets (organization_id, deleted_at, id) WHERE deleted_at IS NOT NULL;
