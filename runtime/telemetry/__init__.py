"""Telemetry: counting, tracing and reporting what the actors tell (`actors.happenings`), and where that goes.

In here, and nowhere else: the OpenTelemetry, Prometheus and Sentry libraries, imported only where a setting wants them.
What is counted stands in `catalogue`; a new way out is a module or folder of its own that reads `books` or is told
happenings. Nothing of anybody's text comes in here, so none goes out.
"""
