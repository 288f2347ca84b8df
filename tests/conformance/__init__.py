"""Autobahn's fuzzing client against our WebSocket, with an echo in the place of a session (docs/testing.md)."""
