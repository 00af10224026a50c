"""Who may use which route of the Manager."""
