"""Spans, events and metrics by OpenTelemetry's conventions for generative AI (decision 0048)."""
