"""Load from several processes, so that the client is not what a measurement measures.

What may enter: what any client that makes load needs, whatever it sends. `crew`: the parent's side, `desk`: a child's,
`health`: whether the client itself was the bottleneck. A child is a module of its own that ends in `serve(work)`.
"""
