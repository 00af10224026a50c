"""Conversations in OpenAI's shape, passed on to a model and back."""
