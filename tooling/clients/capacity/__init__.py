"""`python -m tooling.clients.capacity`: how many callers fit, each behaving like a person on the phone.

What may enter: how such a caller behaves (`person`, `voice`, `caller`), how a call is held with our server and with one
that speaks OpenAI's chat completions (`doors`), and how the largest number is found, told and drawn.
"""
