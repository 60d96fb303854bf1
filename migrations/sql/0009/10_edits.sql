-- Edits that hold for open tickets are numbered by the organization's revision, each with the book as it was after it;
-- a ticket says which of them its clocks have followed. So an edit holds from its own instant, whoever comes when.

ALTER TABLE tickets
    -- The revision of the organization's book whose edits its clocks have followed.
    ADD COLUMN sla_followed bigint NOT NULL DEFAULT 0;

ALTER TABLE sla_rebases
    -- 0: done by a release that did not number them.
    ADD COLUMN revision bigint NOT NULL DEFAULT 0,
    -- The versions of active policies in the order in which they are asked, and of all calendars: [[id, version], ...].
    ADD COLUMN book jsonb;

-- The owner is bound by the walls as well.
ALTER TABLE sla_rebases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE calendars NO FORCE ROW LEVEL SECURITY;
-- What waits was noted by a release that kept no former books: it holds by the book of today, as it would have.
UPDATE sla_rebases r SET revision = o.sla_revision + w.place, book = jsonb_build_object(
        'policies', (SELECT coalesce(jsonb_agg(jsonb_build_array(p.id, p.definition_version)
            ORDER BY p.position, p.id DESC), '[]') FROM sla_policies p
            WHERE p.organization_id = o.id AND p.active),
        'calendars', (SELECT coalesce(jsonb_agg(jsonb_build_array(c.id, c.definition_version)), '[]')
            FROM calendars c WHERE c.organization_id = o.id))
    FROM (SELECT organization_id, id, row_number() OVER (PARTITION BY organization_id ORDER BY created_at, id) AS place
          FROM sla_rebases WHERE state = 'waiting') w JOIN organizations o ON o.id = w.organization_id
    WHERE r.organization_id = w.organization_id AND r.id = w.id;
UPDATE organizations o SET sla_revision = r.newest
    FROM (SELECT organization_id, max(revision) AS newest FROM sla_rebases WHERE revision > 0 GROUP BY 1) r
    WHERE r.organization_id = o.id;
ALTER TABLE calendars FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_policies FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE sla_rebases FORCE ROW LEVEL SECURITY;

ALTER TABLE sla_rebases ADD CONSTRAINT ck_sla_rebases_book CHECK (revision = 0 OR book IS NOT NULL);
CREATE UNIQUE INDEX uq_sla_rebases_revision ON sla_rebases (organization_id, revision) WHERE revision > 0;
