"""What clients say: TOML files written for this project, and what reads them.

What may enter: texts as data, one folder or file a kind, each with its loader here; no client's behaviour.
"""
