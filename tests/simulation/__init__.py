"""The whole server in one process, in virtual time, as a function of a seed.

What is real: `runtime.process` (its life, its drain, its supervisor, its tool model's life), `runtime.server` with
access, arrivals, heads and health, the WebSocket layer with its direct write path, actors, protocol, sanitizer,
history and prompts. What is simulated: sockets and the network between (`network`, `sockets`), clients (`client`),
time (trio's `MockClock`), the engine and the tool model (`engine`, `router`), and what would make two runs of a seed
differ (`seams`: random numbers, the wall clock, threads, the scheduler).

What may enter: parts of that simulator, the invariants it holds the server to (`invariants`, one name each), and the
corpus of plans that found something. Not: tests of one part, which stand beside that part, and nothing that needs a
real socket, thread or file.
"""
