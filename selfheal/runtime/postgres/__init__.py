"""The database: an embedded PostgreSQL, or a server of the operator's own."""
