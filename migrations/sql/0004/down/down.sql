-- Takes back everything that 0004 built.
DROP FUNCTION psms_refused_token(bytea);
DROP TRIGGER logs_await_seal ON logs;
DROP TABLE log_checkpoints, log_heads, log_seals, log_unsealed;
DROP FUNCTION psms_await_seal();
GRANT EXECUTE ON FUNCTION psms_ensure_partitions(integer) TO psms_app;
DROP FUNCTION psms_make_months(integer), psms_protect_logs();
DROP INDEX ix_logs_actor, ix_logs_client, ix_logs_action, ix_logs_target_type, ix_logs_denied;
ALTER TABLE logs DROP COLUMN address;
