"""What makes records readable: a request in its turns, a heal in a sentence, a proof drawn."""
