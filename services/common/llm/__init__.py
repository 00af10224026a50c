"""Models: LangChain chat models behind one factory, called in one way."""
