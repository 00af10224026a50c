"""The HTTP routes of the admin API."""
