"""Talking into a reply: how soon the engine knows, how soon the new turn speaks."""
