"""What a token costs our process between the engine and the server, by the ways of talking to vLLM."""
