"""Our server with a scripted engine that says when it said it."""
