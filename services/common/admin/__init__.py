"""The Manager's admin API: what people do to a running system, and who they are."""
