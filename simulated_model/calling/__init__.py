"""Calls tools and keeps to schemas, where the caller of the model's API offers or asks it."""
