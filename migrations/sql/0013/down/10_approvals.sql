-- Takes back what 10_approvals built. What waits for approval is pending without it.
ALTER TABLE tickets NO FORCE ROW LEVEL SECURITY;
UPDATE tickets SET stage = NULL WHERE stage IS NOT NULL;
ALTER TABLE tickets FORCE ROW LEVEL SECURITY;
DROP TABLE approval_delegations;
DROP TABLE approval_seats;
DROP TABLE approvals;
ALTER TABLE services DROP COLUMN approval_chain;
