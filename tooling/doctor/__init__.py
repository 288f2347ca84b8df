"""What is wrong with this machine, its packages or its settings: facts gathered once, then judged by pure checks."""
