"""The wire: frames, validation, limits, errors. Pure: no I/O, no clock, no logging."""
