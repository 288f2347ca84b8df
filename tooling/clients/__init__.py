"""Command-line clients that exercise a running server through `/ws`, as a user would."""
