-- Run once by the postgres image, as the superuser, on an empty data directory: the role that owns
-- the schema, and its database. Tables and the other roles are made by `python -m psms migrate`.

\set ON_ERROR_STOP on
\set password `cat /run/psms-secrets/server/owner_password`

-- CREATEROLE, because migrations make the application's roles; not a superuser, so that forced
-- row-level security binds the owner as well.
CREATE ROLE psms_owner LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE psms OWNER psms_owner;
REVOKE ALL ON DATABASE psms FROM PUBLIC;
GRANT CONNECT ON DATABASE psms TO PUBLIC;
