"""What a conversation looks like and how it is typed: a terminal with an input line, or plain lines in and out.

What may enter: ways to show a conversation, and what they share; nothing here knows of turns or connections.
"""
