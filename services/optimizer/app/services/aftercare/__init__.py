"""Looks after promotions: watches them, and rolls back what turned out worse."""
