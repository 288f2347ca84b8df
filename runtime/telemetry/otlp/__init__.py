"""Export by OTLP over HTTP: the books as metrics and sessions as traces, to Axiom or to any other receiver.

In here, and nowhere else: OpenTelemetry's protocol and the HTTP client that carries it. Imported only where a setting
names a receiver. Nothing blocks the loop: what is encoded and sent is encoded and sent in a thread.
"""

from runtime.telemetry.otlp.outlet import open_otlp

__all__ = ["open_otlp"]
