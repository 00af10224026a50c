"""Brings a database's schema to this version."""
