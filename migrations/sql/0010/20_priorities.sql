-- How priority follows from impact and urgency, as an organization has it; NULL is the usual matrix.
ALTER TABLE organizations ADD COLUMN priority_matrix jsonb
    CONSTRAINT ck_organizations_priority_matrix CHECK (jsonb_typeof(priority_matrix) = 'object');

-- Where a ticket's priority comes from, so that what somebody chose is not undone by what follows from the matrix.
ALTER TABLE tickets
    ADD COLUMN priority_source text NOT NULL DEFAULT 'matrix' CONSTRAINT ck_tickets_priority_source
        CHECK (priority_source IN ('matrix', 'manual', 'escalation')),
    ADD COLUMN priority_reason text;

-- The owner is bound by the walls as well.
ALTER TABLE tickets NO FORCE ROW LEVEL SECURITY;
-- What differs from the matrix of before was chosen, or raised, which is as good as chosen.
UPDATE tickets SET priority_source = 'manual' WHERE priority <> CASE
    WHEN impact = 'high' AND urgency = 'high' THEN 'critical'
    WHEN (impact, urgency) IN (('high', 'medium'), ('medium', 'high')) THEN 'high'
    WHEN (impact, urgency) IN (('high', 'low'), ('medium', 'medium'), ('low', 'high')) THEN 'medium'
    ELSE 'low' END;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
