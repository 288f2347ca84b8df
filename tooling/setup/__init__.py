"""Virtual environments under `.venvs/`, made with the standard library alone: it runs before anything is installed."""
