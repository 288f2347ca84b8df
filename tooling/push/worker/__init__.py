"""The process that pushes, with huggingface_hub: in it and in nothing else is the token.

Whether a push will be let through, what it consists of, and the push itself: one commit, made with explicit operations.
"""
