"""Says what runs here: from what launches wrote down, and from what their servers answer. Changes nothing."""

from tooling.status.asking import Answer, ask
from tooling.status.report import Report, as_json, lines

__all__ = ["Answer", "Report", "as_json", "ask", "lines"]
