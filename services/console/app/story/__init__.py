"""What makes a request's texts readable: an answer's code, a conversation's turns."""
