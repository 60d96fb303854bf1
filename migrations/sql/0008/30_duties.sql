-- The rota: who is on duty for a team, or for the organization, and whom a page names.

CREATE TABLE duties (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    -- Null: for the organization.
    team_id         uuid,
    user_id         uuid NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_duties_span CHECK (ends_at > starts_at)
);
CREATE INDEX ix_duties_team ON duties (organization_id, team_id, ends_at);
CREATE INDEX ix_duties_user ON duties (organization_id, user_id);

ALTER TABLE duties ENABLE ROW LEVEL SECURITY;
ALTER TABLE duties FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON duties TO psms_app
    USING (organization_id = (SELECT psms_organization()))
    WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT, INSERT, DELETE ON duties TO psms_app;

ALTER TABLE pages
    ADD COLUMN user_id uuid,
    ADD COLUMN rule text,
    ADD FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE SET NULL (user_id);
CREATE INDEX ix_pages_user ON pages (organization_id, user_id) WHERE user_id IS NOT NULL;
