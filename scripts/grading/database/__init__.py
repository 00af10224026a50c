"""The graded system's database, through a driver or through psql in its container."""
