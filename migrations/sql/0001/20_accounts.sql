-- Organizations, people, teams, services, assignments, clients and their tokens.

CREATE TABLE organizations (
    id                 uuid PRIMARY KEY,
    name               text NOT NULL,
    default_service_id uuid,
    version            bigint NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL
);

CREATE TABLE users (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    email           text NOT NULL,
    name            text NOT NULL,
    role            text NOT NULL CONSTRAINT ck_users_role
        CHECK (role IN ('admin', 'manager', 'agent', 'requester', 'integration', 'auditor')),
    is_service      boolean NOT NULL DEFAULT false,
    active          boolean NOT NULL DEFAULT true,
    password_hash   text,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_users_email ON users (organization_id, lower(email));

CREATE TABLE teams (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_teams_name ON teams (organization_id, lower(name));

CREATE TABLE memberships (
    organization_id uuid NOT NULL,
    team_id         uuid NOT NULL,
    user_id         uuid NOT NULL,
    PRIMARY KEY (organization_id, team_id, user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_memberships_user ON memberships (organization_id, user_id);

CREATE TABLE services (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    active          boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_services_name ON services (organization_id, lower(name));

ALTER TABLE organizations ADD CONSTRAINT fk_organizations_default_service
    FOREIGN KEY (id, default_service_id) REFERENCES services (organization_id, id)
    ON DELETE SET NULL (default_service_id);
CREATE INDEX ix_organizations_default_service ON organizations (id, default_service_id);

CREATE TABLE assignments (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    service_id      uuid NOT NULL,
    user_id         uuid,
    team_id         uuid,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_assignments_one_party CHECK (num_nonnulls(user_id, team_id) = 1)
);
CREATE UNIQUE INDEX uq_assignments_user ON assignments (organization_id, service_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX uq_assignments_team ON assignments (organization_id, service_id, team_id) WHERE team_id IS NOT NULL;
CREATE INDEX ix_assignments_service ON assignments (organization_id, service_id);
CREATE INDEX ix_assignments_user ON assignments (organization_id, user_id);
CREATE INDEX ix_assignments_team ON assignments (organization_id, team_id);

CREATE TABLE oauth_clients (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    client_id       text NOT NULL,
    name            text NOT NULL,
    secret_hash     bytea NOT NULL,
    role            text NOT NULL CONSTRAINT ck_oauth_clients_role
        CHECK (role IN ('admin', 'manager', 'agent', 'requester', 'integration', 'auditor')),
    scopes          text[] NOT NULL,
    user_id         uuid NOT NULL,
    active          boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);
-- Looked up before the tenant is known, hence without the organization in front.
CREATE UNIQUE INDEX uq_oauth_clients_client_id ON oauth_clients (client_id);
CREATE INDEX ix_oauth_clients_user ON oauth_clients (organization_id, user_id);

CREATE TABLE oauth_tokens (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    client_id       uuid NOT NULL,
    token_hash      bytea NOT NULL,
    scopes          text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, client_id) REFERENCES oauth_clients (organization_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_oauth_tokens_hash ON oauth_tokens (token_hash);
CREATE INDEX ix_oauth_tokens_client ON oauth_tokens (organization_id, client_id);
CREATE INDEX ix_oauth_tokens_expiry ON oauth_tokens (expires_at);
