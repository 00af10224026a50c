"""The log: every row goes into the database at once, or over a spool on disk where it is away."""
