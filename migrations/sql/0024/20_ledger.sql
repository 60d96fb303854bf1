-- What became of deliveries that are kept no more: counts that outlive them, filled by the statement that deletes them.

CREATE TABLE webhook_ledger_days (
    organization_id uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    -- The day, in UTC, on which the events happened.
    day             date NOT NULL,
    first_sequence  bigint NOT NULL,
    last_sequence   bigint NOT NULL,
    delivered       bigint NOT NULL,
    dead            bigint NOT NULL,
    cancelled       bigint NOT NULL,
    PRIMARY KEY (organization_id, endpoint_id, day),
    FOREIGN KEY (organization_id, endpoint_id) REFERENCES webhook_endpoints (organization_id, id)
);

ALTER TABLE webhook_ledger_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_ledger_days FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON webhook_ledger_days TO psms_app
    USING (organization_id = (SELECT psms_organization())) WITH CHECK (organization_id = (SELECT psms_organization()));
GRANT SELECT ON webhook_ledger_days TO psms_app;
CREATE POLICY prune ON webhook_ledger_days TO psms_claimer USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (first_sequence, last_sequence, delivered, dead, cancelled)
    ON webhook_ledger_days TO psms_claimer;
