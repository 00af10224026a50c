"""Settings that several services read, by what they are about."""
