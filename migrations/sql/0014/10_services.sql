-- What a service is in the catalogue: whose it is, who sees it, what its tickets begin with, and what is wrong with it.
ALTER TABLE services
    ADD COLUMN owner_id uuid,
    ADD COLUMN default_team_id uuid,
    ADD COLUMN category text,
    ADD COLUMN position integer NOT NULL DEFAULT 1000
        CONSTRAINT ck_services_position CHECK (position BETWEEN 1 AND 1000000),
    ADD COLUMN visibility text NOT NULL DEFAULT 'everyone'
        CONSTRAINT ck_services_visibility CHECK (visibility IN ('everyone', 'agents', 'teams')),
    -- The requesters for whom it is, where it is for teams.
    ADD COLUMN visible_team_ids uuid[] NOT NULL DEFAULT '{}',
    -- Promised before any policy is asked for its conditions.
    ADD COLUMN sla_policy_id uuid,
    -- The version of its form that new tickets get; null for none.
    ADD COLUMN form_version integer,
    -- The incident that everybody is told of.
    ADD COLUMN incident_text text,
    ADD COLUMN incident_since timestamptz,
    ADD COLUMN incident_ticket_id uuid,
    ADD CONSTRAINT ck_services_incident CHECK ((incident_text IS NULL) = (incident_since IS NULL)
        AND (incident_text IS NOT NULL OR incident_ticket_id IS NULL)),
    ADD FOREIGN KEY (organization_id, owner_id) REFERENCES users (organization_id, id) ON DELETE SET NULL (owner_id),
    ADD FOREIGN KEY (organization_id, default_team_id) REFERENCES teams (organization_id, id)
        ON DELETE SET NULL (default_team_id),
    ADD FOREIGN KEY (organization_id, sla_policy_id) REFERENCES sla_policies (organization_id, id)
        ON DELETE SET NULL (sla_policy_id),
    ADD FOREIGN KEY (organization_id, incident_ticket_id) REFERENCES tickets (organization_id, id)
        ON DELETE SET NULL (incident_ticket_id);
CREATE INDEX ix_services_owner ON services (organization_id, owner_id) WHERE owner_id IS NOT NULL;
CREATE INDEX ix_services_default_team ON services (organization_id, default_team_id) WHERE default_team_id IS NOT NULL;
CREATE INDEX ix_services_sla_policy ON services (organization_id, sla_policy_id) WHERE sla_policy_id IS NOT NULL;
CREATE INDEX ix_services_incident ON services (organization_id, incident_ticket_id)
    WHERE incident_ticket_id IS NOT NULL;
