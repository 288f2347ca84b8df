"""Programs for real hardware, run by hand: each prints a verdict per line. pytest collects nothing here."""
