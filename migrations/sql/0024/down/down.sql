-- The counts of what is kept no more are lost with their table; nothing else tells of it.
DROP TABLE webhook_ledger_days;
-- Its index goes with the column.
ALTER TABLE webhook_deliveries DROP COLUMN replay_id;
DROP TABLE webhook_replays;
