"""vLLM on real hardware, under the whole server."""
