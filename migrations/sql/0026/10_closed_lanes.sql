-- Since when a lane is closed: what is in it is held from then on. Of lanes that are closed now nobody knows; nothing in
-- them was held before they were opened last.
ALTER TABLE webhook_lanes ADD COLUMN closed_at timestamptz NOT NULL DEFAULT '-infinity';
UPDATE webhook_lanes SET closed_at = opened_at WHERE NOT open;
