"""The database: schema, session and queries. Decisions are in `psms.domain`, transactions in `workflows`."""
