"""`python -m tooling.clients.cancel`: a reply is cancelled while others go on, and the session lives."""
