-- What an agent's list reads besides their teams' tickets: tickets of a service that no team has taken.

CREATE INDEX ix_tickets_queue ON tickets (organization_id, service_id, id) WHERE team_id IS NULL;
