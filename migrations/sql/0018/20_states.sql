-- States that an organization names within a status; what counts is the status, whatever it is called.

CREATE TABLE ticket_states (
    organization_id uuid NOT NULL REFERENCES organizations (id),
    id              uuid NOT NULL,
    name            text NOT NULL,
    status          text NOT NULL CONSTRAINT ck_ticket_states_status
        CHECK (status IN ('new', 'open', 'pending', 'on_hold', 'resolved', 'closed', 'cancelled')),
    -- Of which types tickets may be in it; empty: of any.
    types           text[] NOT NULL DEFAULT '{}',
    position        integer NOT NULL DEFAULT 1000
        CONSTRAINT ck_ticket_states_position CHECK (position BETWEEN 1 AND 1000000),
    active          boolean NOT NULL DEFAULT true,
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX uq_ticket_states_name ON ticket_states (organization_id, lower(name)) WHERE active;
SELECT psms_wall('ticket_states');
GRANT SELECT, INSERT, UPDATE ON ticket_states TO psms_app;

ALTER TABLE tickets
    ADD COLUMN state_id uuid,
    ADD FOREIGN KEY (organization_id, state_id) REFERENCES ticket_states (organization_id, id);
CREATE INDEX ix_tickets_state ON tickets (organization_id, state_id, id) WHERE state_id IS NOT NULL;

-- By a trigger, so that no way to another status can leave the state of the former one behind, or forget at which
-- version it changed. Its name comes after that of the trigger that notes the other fields.
CREATE FUNCTION psms_follow_status() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status AND NEW.state_id IS NOT DISTINCT FROM OLD.state_id THEN
        NEW.state_id := NULL;
    END IF;
    IF NEW.state_id IS DISTINCT FROM OLD.state_id THEN
        NEW.field_versions := NEW.field_versions || jsonb_build_object('state_id', NEW.version);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tickets_state_follows_status BEFORE UPDATE ON tickets
    FOR EACH ROW WHEN (NEW.version IS DISTINCT FROM OLD.version) EXECUTE FUNCTION psms_follow_status();
