"""One token a step to everybody: CPU of the server process and delay from engine step to client, beside rivals."""
