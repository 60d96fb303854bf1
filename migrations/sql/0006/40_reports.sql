-- What reports count: when a clock got its verdict, the breach first, which nothing takes back.

CREATE INDEX ix_sla_clocks_judged ON sla_clocks (organization_id, COALESCE(breached_at, completed_at))
    WHERE COALESCE(breached_at, completed_at) IS NOT NULL;
