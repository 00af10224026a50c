"""The door: OpenAI's chat completions, led by the prompt that serves a task type now."""
