"""What telemetry costs: the same server without it, with the page for Prometheus, and with everything."""
