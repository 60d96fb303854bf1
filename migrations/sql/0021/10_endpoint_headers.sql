-- What endpoints show of their own headers and keys: names, and public keys, without a look at any data key.

ALTER TABLE webhook_endpoints
    -- The names of what headers_encrypted holds: they are shown, and the values never.
    ADD COLUMN header_names text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT ck_webhook_endpoints_headers CHECK ((headers_encrypted IS NULL) = (header_names = '{}'));
ALTER TABLE webhook_lanes
    ADD CONSTRAINT ck_webhook_lanes_max_in_flight CHECK (max_in_flight BETWEEN 1 AND 64);

-- Anybody may have the public keys of an endpoint whose id they know: to verify with, before any tenant is known.
CREATE POLICY look_up ON webhook_secrets FOR SELECT TO CURRENT_USER USING (kind = 'ed25519');
CREATE POLICY look_up ON webhook_endpoints FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION psms_webhook_keys(wanted uuid)
    RETURNS TABLE (id uuid, public_key bytea, created_at timestamptz, expires_at timestamptz)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT s.id, s.public_key, s.created_at, s.expires_at
    FROM webhook_endpoints p
    JOIN webhook_secrets s ON s.organization_id = p.organization_id AND s.endpoint_id = p.id AND s.kind = 'ed25519'
    WHERE p.id = wanted AND p.state <> 'deleted' AND (s.expires_at IS NULL OR s.expires_at > psms_now())
    ORDER BY s.created_at DESC, s.id DESC
$$;
REVOKE ALL ON FUNCTION psms_webhook_keys(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_webhook_keys(uuid) TO psms_app;
-- The look-up has no organization to begin with.
CREATE INDEX ix_webhook_endpoints_id ON webhook_endpoints (id);
