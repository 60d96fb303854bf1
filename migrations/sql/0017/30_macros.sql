-- Replies and actions that people keep to use again, and who was mentioned in a comment.

CREATE TABLE macros (
    organization_id uuid NOT NULL,
    id              uuid NOT NULL,
    name            text NOT NULL,
    visibility      text NOT NULL CONSTRAINT ck_macros_visibility CHECK (visibility IN ('mine', 'team', 'everyone')),
    owner_id        uuid NOT NULL,
    team_id         uuid,
    set_fields      jsonb NOT NULL DEFAULT '{}',
    add_tags        text[] NOT NULL DEFAULT '{}',
    remove_tags     text[] NOT NULL DEFAULT '{}',
    action          text,
    reply           text,
    reply_visibility text CONSTRAINT ck_macros_reply_visibility CHECK (reply_visibility IN ('public', 'internal')),
    version         bigint NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (organization_id, id),
    FOREIGN KEY (organization_id, owner_id) REFERENCES users (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, team_id) REFERENCES teams (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT ck_macros_team CHECK ((team_id IS NOT NULL) = (visibility = 'team')),
    CONSTRAINT ck_macros_reply CHECK ((reply IS NULL) = (reply_visibility IS NULL))
);
CREATE INDEX ix_macros_owner ON macros (organization_id, owner_id);
CREATE INDEX ix_macros_team ON macros (organization_id, team_id) WHERE team_id IS NOT NULL;

CREATE TABLE comment_mentions (
    organization_id uuid NOT NULL,
    comment_id      uuid NOT NULL,
    user_id         uuid NOT NULL,
    PRIMARY KEY (organization_id, comment_id, user_id),
    FOREIGN KEY (organization_id, comment_id) REFERENCES comments (organization_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id) ON DELETE CASCADE
);
CREATE INDEX ix_comment_mentions_user ON comment_mentions (organization_id, user_id);

SELECT psms_wall('macros'), psms_wall('comment_mentions');
GRANT SELECT, INSERT, UPDATE, DELETE ON macros TO psms_app;
GRANT SELECT, INSERT ON comment_mentions TO psms_app;
