-- After how many seconds a resolved ticket closes by itself; null: never. Seven days, unless somebody says otherwise.

ALTER TABLE organizations ADD COLUMN auto_close_after_seconds integer DEFAULT 604800
    CONSTRAINT ck_organizations_auto_close CHECK (auto_close_after_seconds > 0);
