"""The `selfheal` command."""
