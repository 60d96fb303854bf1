-- How a team's tickets find their assignees, who can what, who is away, and what was decided. What waits: 20_queue.

-- Without a row: by hand. Locked by whoever decides, so that one does at a time for a team.
CREATE TABLE team_routing (
    organization_id uuid NOT NULL,
    team_id         uuid NOT NULL,
    -- Beside the definition, since triggers ask for it.
    automatic       boolean NOT NULL,
    definition      jsonb NOT NULL,
    version         bigint NOT NULL,
    -- Counts assignments: where in the round the team is.
    turn            bigint NOT NULL DEFAULT 0,
    -- Tickets from before it was automatic are to be queued too.
    refill          boolean NOT NULL DEFAULT false,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, team_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE
);

-- At which turn of the team a member was assigned a ticket last.
CREATE TABLE routing_turns (
    organization_id uuid NOT NULL,
    team_id         uuid NOT NULL,
    user_id         uuid NOT NULL,
    turn            bigint NOT NULL,
    PRIMARY KEY (organization_id, team_id, user_id),
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_routing_turns_user ON routing_turns (organization_id, user_id);

CREATE TABLE user_skills (
    organization_id uuid NOT NULL,
    user_id         uuid NOT NULL,
    skill           text NOT NULL,
    level           smallint NOT NULL CONSTRAINT ck_user_skills_level CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (organization_id, user_id, skill),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE service_skills (
    organization_id uuid NOT NULL,
    service_id      uuid NOT NULL,
    skill           text NOT NULL,
    level           smallint NOT NULL CONSTRAINT ck_service_skills_level CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (organization_id, service_id, skill),
    FOREIGN KEY (organization_id, service_id) REFERENCES services (organization_id, id) ON DELETE CASCADE
);

CREATE TABLE absences (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    user_id         uuid NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    reason          text,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_absences_span CHECK (ends_at > starts_at)
);
CREATE INDEX ix_absences_user ON absences (organization_id, user_id, ends_at);

CREATE TABLE routing_decisions (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    ticket_id       uuid NOT NULL,
    team_id         uuid NOT NULL,
    strategy        text NOT NULL,
    config_version  bigint NOT NULL,
    -- Null: nobody, for the reasons of the candidates.
    user_id         uuid,
    -- Who asked for it at once; null: PSMS itself.
    asked_by        uuid,
    considered      integer NOT NULL,
    candidates      jsonb NOT NULL,
    required        jsonb NOT NULL,
    decided_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, ticket_id) REFERENCES tickets (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_routing_decisions_ticket ON routing_decisions (organization_id, ticket_id, id);

-- How many tickets somebody works on now: whatever they closed in all the years costs nothing.
CREATE INDEX ix_tickets_load ON tickets (organization_id, assignee_id)
    WHERE assignee_id IS NOT NULL AND deleted_at IS NULL AND status IN ('new', 'open', 'pending');

SELECT psms_wall(t) FROM unnest(ARRAY['team_routing', 'routing_turns', 'user_skills', 'service_skills', 'absences',
    'routing_decisions']::regclass[]) AS t;
GRANT SELECT, INSERT, UPDATE ON team_routing, routing_turns TO psms_app;
GRANT SELECT, INSERT, DELETE ON user_skills, service_skills, absences TO psms_app;
GRANT SELECT, INSERT ON routing_decisions TO psms_app;
