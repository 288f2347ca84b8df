"""What clients show: blocks and tables for people, one JSON document for machines, progress, a verdict.

What may enter: a form of output that two clients share. Nothing here talks to a server.
"""
