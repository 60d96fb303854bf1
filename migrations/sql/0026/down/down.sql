ALTER TABLE webhook_lanes DROP COLUMN closed_at;
