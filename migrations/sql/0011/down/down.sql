ALTER TABLE tickets DROP COLUMN stage, DROP COLUMN form_version, DROP COLUMN parent_id, DROP COLUMN merged_into_id,
    DROP COLUMN deleted_at;
DROP FUNCTION psms_wall(regclass);
