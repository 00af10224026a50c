"""Plans plausible calls where a request shows no example."""
