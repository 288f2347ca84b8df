"""Chaos: a whole server with a real engine, as a process, meets what production meets; by hand, `just chaos`.

What may enter: a scenario (`scenarios`), which breaks one thing and says when everybody was told and when turns worked
again; and what all of them share: the servers, the crowd of clients, the look before and after. What can be shown
without a real engine belongs into the tests beside the code; what one fault does to one part, into `tests/e2e`.
"""
