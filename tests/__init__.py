"""Tests mirror the five packages; `e2e` starts real servers on the real engine."""
