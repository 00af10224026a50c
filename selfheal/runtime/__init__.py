"""The embedded runtime: PostgreSQL, the local model and the services as plain processes."""
