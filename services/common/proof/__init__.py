"""What a proof rests on: the bet by which two prompts are compared, and which inputs are alike."""
