"""Looks after promotions: watches them, and rolls back what turned out worse.

A rollback is decided in `watch`, confirmed in `alarm_confirmation` and carried out in `rollback`.
"""
