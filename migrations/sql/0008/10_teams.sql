-- Clocks of what teams agree on among themselves: each measures the time of one team with a ticket.

ALTER TABLE sla_clocks
    DROP CONSTRAINT ck_sla_clocks_metric,
    ADD CONSTRAINT ck_sla_clocks_metric
        CHECK (metric IN ('first_response', 'next_response', 'periodic_update', 'resolution', 'with_team')),
    -- Whose time; it stays when the ticket goes on to another team.
    ADD COLUMN stay_team_id uuid,
    ADD CONSTRAINT ck_sla_clocks_team CHECK ((stay_team_id IS NOT NULL) = (metric = 'with_team')),
    ADD FOREIGN KEY (organization_id, stay_team_id) REFERENCES teams (organization_id, id);
CREATE INDEX ix_sla_clocks_team ON sla_clocks (organization_id, stay_team_id) WHERE stay_team_id IS NOT NULL;
