"""From a command line to a serving process: parse, decide, check, then become the server."""
