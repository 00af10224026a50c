"""A spool on disk: records that wait for the database, each in a frame with its checksum."""
