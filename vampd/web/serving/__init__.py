"""Answering browsers: the socket, who is answered, what is kept."""
