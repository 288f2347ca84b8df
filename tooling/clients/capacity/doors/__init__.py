"""How a call is held: with our server over its WebSocket, or with one that speaks OpenAI's chat completions.

What may enter: a way to a server, and what all of them share; nothing about when a caller does what.
"""
