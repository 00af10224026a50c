"""A stand-in for a language model: a pure, instant function of the chat messages."""
