"""Measures a judge against answers of known worth."""
