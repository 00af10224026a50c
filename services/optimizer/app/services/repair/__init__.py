"""Finds a repair: proposes candidates, chooses one, and proves it.

A candidate is proven in `gate`.
"""
