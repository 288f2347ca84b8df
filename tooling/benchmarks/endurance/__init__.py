"""Hours of mixed load on one server: what grows, and by how much an hour.

What may enter: what the benchmark needs that lives for hours: callers of every kind (`calls`, `slow`), samples of the
server (`sampling`), the judgement of a series (`trend`, `findings`). A measurement of minutes is a benchmark beside it.
"""
