"""Commands about texts that serve a share of traffic."""
