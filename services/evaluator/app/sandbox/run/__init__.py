"""What a run is in every sandbox: its request, its limits, and how its records are read."""
