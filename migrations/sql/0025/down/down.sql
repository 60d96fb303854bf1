DROP FUNCTION psms_drop_events_before(timestamptz);
