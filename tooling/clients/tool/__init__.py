"""`python -m tooling.clients.tool`: replays labelled sessions and compares the router's decisions with the labels."""
