-- Roles that organizations make of the six, who has them, and the token look-up that brings them along.

CREATE TABLE roles (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL,
    base_role       text NOT NULL CONSTRAINT ck_roles_base_role
        CHECK (base_role IN ('admin', 'manager', 'agent', 'requester', 'integration', 'auditor')),
    -- What is kept of the base role's permissions: a permission that a later release adds is not among them.
    permissions     text[] NOT NULL,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    CONSTRAINT uq_roles_base_role UNIQUE (organization_id, id, base_role)
);
CREATE UNIQUE INDEX uq_roles_name ON roles (organization_id, lower(name));

ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE roles FORCE ROW LEVEL SECURITY;
CREATE POLICY organization ON roles TO psms_app
    USING (organization_id = (SELECT psms_organization())) WITH CHECK (organization_id = (SELECT psms_organization()));
CREATE POLICY look_up ON roles FOR SELECT TO CURRENT_USER USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON roles TO psms_app;

-- The role column is the custom role's base, always: so whoever reads only that never reads too much.
ALTER TABLE users ADD COLUMN role_id uuid, ADD CONSTRAINT users_organization_id_role_id_fkey
    FOREIGN KEY (organization_id, role_id, role) REFERENCES roles (organization_id, id, base_role);
CREATE INDEX ix_users_role ON users (organization_id, role_id, role) WHERE role_id IS NOT NULL;
ALTER TABLE oauth_clients ADD COLUMN role_id uuid, ADD CONSTRAINT oauth_clients_organization_id_role_id_fkey
    FOREIGN KEY (organization_id, role_id, role) REFERENCES roles (organization_id, id, base_role);
CREATE INDEX ix_oauth_clients_role ON oauth_clients (organization_id, role_id, role) WHERE role_id IS NOT NULL;

-- Nobody grants a scope that they lack, so a new one must begin somewhere: with those who could do as much before.
ALTER TABLE oauth_clients NO FORCE ROW LEVEL SECURITY;
UPDATE oauth_clients SET scopes = scopes || '{roles:manage}', version = version + 1
    WHERE role = 'admin' AND scopes @> '{users:write,clients:manage}';
ALTER TABLE oauth_clients FORCE ROW LEVEL SECURITY;

-- The caller that a live token stands for; no row for an unknown, expired or revoked one. Its custom role comes
-- along: kept is null where there is none.
DROP FUNCTION psms_actor(bytea);
CREATE FUNCTION psms_actor(hash bytea)
    RETURNS TABLE (organization_id uuid, user_id uuid, client_id uuid, role text, kept text[], scopes text[])
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT c.organization_id, c.user_id, c.id, c.role,
           (SELECT r.permissions FROM roles r WHERE r.organization_id = c.organization_id AND r.id = c.role_id),
           ARRAY(SELECT unnest(t.scopes) INTERSECT SELECT unnest(c.scopes))
    FROM oauth_tokens t
    JOIN oauth_clients c ON c.organization_id = t.organization_id AND c.id = t.client_id AND c.active
    JOIN users u ON u.organization_id = c.organization_id AND u.id = c.user_id AND u.active
    WHERE t.token_hash = hash AND t.revoked_at IS NULL AND t.expires_at > psms_now()
$$;
REVOKE ALL ON FUNCTION psms_actor(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION psms_actor(bytea) TO psms_app;
