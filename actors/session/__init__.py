"""One conversation: the pure state machine and what it decides on, and the actor that performs its effects."""
