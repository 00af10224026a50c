"""Conversations as OpenAI's API has them, which Manager, Worker, Evaluator and Optimizer share."""
