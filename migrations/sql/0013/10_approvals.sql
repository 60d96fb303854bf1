-- Approvals: the steps of a chain that a ticket waits for, whose votes each step asks for, and who stands in for whom.

-- The steps that a service asks for; null: none. What runs keeps its own copy.
ALTER TABLE services ADD COLUMN approval_chain jsonb;

CREATE TABLE approvals (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    -- All steps that were asked for at once; within it they are asked in the order of their positions.
    chain_id        uuid NOT NULL,
    position        integer NOT NULL,
    source          text NOT NULL CONSTRAINT ck_approvals_source CHECK (source IN ('service', 'ad_hoc')),
    definition      jsonb NOT NULL,
    state           text NOT NULL CONSTRAINT ck_approvals_state
        CHECK (state IN ('waiting', 'pending', 'approved', 'rejected', 'expired', 'withdrawn')),
    -- How many must approve, of those who are asked; from when the step is asked.
    required        integer,
    asked_by        uuid,
    created_at      timestamptz NOT NULL,
    began_at        timestamptz,
    remind_at       timestamptz,
    expires_at      timestamptz,
    escalated_at    timestamptz,
    decided_at      timestamptz,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, asked_by) REFERENCES users (organization_id, id) ON DELETE SET NULL (asked_by),
    CONSTRAINT ck_approvals_decided
        CHECK ((decided_at IS NOT NULL) = (state IN ('approved', 'rejected', 'expired', 'withdrawn')))
);
CREATE INDEX ix_approvals_ticket ON approvals (organization_id, ticket_id, id);
CREATE INDEX ix_approvals_asked_by ON approvals (organization_id, asked_by) WHERE asked_by IS NOT NULL;
CREATE UNIQUE INDEX uq_approvals_step ON approvals (organization_id, chain_id, position);
-- A ticket waits for one step at a time.
CREATE UNIQUE INDEX uq_approvals_pending ON approvals (organization_id, ticket_id) WHERE state = 'pending';

-- One vote of one step: whose it is, who stands in for them, and what was said.
CREATE TABLE approval_seats (
    organization_id uuid NOT NULL,
    approval_id     uuid NOT NULL,
    user_id         uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    delegate_id     uuid,
    -- While the step is pending: whoever is asked sees the ticket so long.
    asked           boolean NOT NULL,
    decision        text CONSTRAINT ck_approval_seats_decision CHECK (decision IN ('approve', 'reject')),
    comment         text,
    voted_by        uuid,
    voted_at        timestamptz,
    PRIMARY KEY (organization_id, approval_id, user_id),
    FOREIGN KEY (organization_id, approval_id) REFERENCES approvals (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, delegate_id) REFERENCES users (organization_id, id)
        ON DELETE SET NULL (delegate_id),
    FOREIGN KEY (organization_id, voted_by) REFERENCES users (organization_id, id) ON DELETE SET NULL (voted_by),
    CONSTRAINT ck_approval_seats_voted CHECK ((decision IS NULL) = (voted_at IS NULL)),
    CONSTRAINT ck_approval_seats_delegate CHECK (delegate_id <> user_id)
);
CREATE INDEX ix_approval_seats_user ON approval_seats (organization_id, user_id, asked, ticket_id);
CREATE INDEX ix_approval_seats_delegate ON approval_seats (organization_id, delegate_id, asked, ticket_id)
    WHERE delegate_id IS NOT NULL;
CREATE INDEX ix_approval_seats_voted_by ON approval_seats (organization_id, voted_by) WHERE voted_by IS NOT NULL;
CREATE INDEX ix_approval_seats_ticket ON approval_seats (organization_id, ticket_id);

-- Who stands in for somebody who is away: in each step that begins meanwhile.
CREATE TABLE approval_delegations (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    delegate_id     uuid NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, delegate_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_approval_delegations_span CHECK (ends_at > starts_at),
    CONSTRAINT ck_approval_delegations_other CHECK (delegate_id <> user_id)
);
CREATE INDEX ix_approval_delegations_user ON approval_delegations (organization_id, user_id, ends_at);
CREATE INDEX ix_approval_delegations_delegate ON approval_delegations (organization_id, delegate_id);

SELECT psms_wall('approvals');
SELECT psms_wall('approval_seats');
SELECT psms_wall('approval_delegations');
GRANT SELECT, INSERT, UPDATE ON approvals, approval_seats TO psms_app;
GRANT SELECT, INSERT, DELETE ON approval_delegations TO psms_app;
