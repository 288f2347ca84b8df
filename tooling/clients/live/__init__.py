"""`python -m tooling.clients.live`: a conversation in a terminal, or piped through one."""
