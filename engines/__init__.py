"""Inference engines behind one contract (`base`), and everything that turns messages into token ids."""
