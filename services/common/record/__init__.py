"""What is decided and recorded of prompts: read, answered, brought into effect."""
