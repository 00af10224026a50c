"""Sets aside log rows that give orders instead of asking for work."""
