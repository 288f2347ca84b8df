"""The process that talks to the Hub, with huggingface_hub: in it and in nothing else is the token.

Looking a model up, fetching it, and how often what is tried again. It gets a job file and writes a result beside it.
"""
