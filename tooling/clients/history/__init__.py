"""`python -m tooling.clients.history`: a long talk is handed in, and asked about; by one client, or by many at once."""
