-- The wall around a tenant's rows, as every such table has it, so that a migration names the table and no more.

CREATE FUNCTION psms_wall(tenant_table regclass) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tenant_table);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tenant_table);
    -- (SELECT …) makes the setting an InitPlan: read once for each statement, not once for each row.
    EXECUTE format(
        'CREATE POLICY organization ON %s TO psms_app
            USING (organization_id = (SELECT psms_organization()))
            WITH CHECK (organization_id = (SELECT psms_organization()))', tenant_table);
END
$$;
-- For migrations alone.
REVOKE EXECUTE ON FUNCTION psms_wall(regclass) FROM PUBLIC;
