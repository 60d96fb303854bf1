-- What reports count: when a clock got its verdict, the breach first, which nothing takes back. Behind row-level
-- security COALESCE would be served by no index: PostgreSQL does not take it for leakproof, as it takes CASE.

CREATE INDEX ix_sla_clocks_judged
    ON sla_clocks (organization_id, (CASE WHEN breached_at IS NULL THEN completed_at ELSE breached_at END))
    WHERE CASE WHEN breached_at IS NULL THEN completed_at ELSE breached_at END IS NOT NULL;
