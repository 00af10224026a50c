"""The demo: one healing story, played on a system of its own."""
