"""The server process: settings, listening, health, supervision and shutdown."""
