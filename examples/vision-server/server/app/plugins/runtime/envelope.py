"""The one shape in which an error leaves the runtime."""

import traceback
from datetime import UTC, datetime
from typing import Any

from app.plugins.runtime.validation import ValidationError


def error_envelope(error: Exception, plugin: str) -> dict[str, Any]:
    kind = "ValidationError" if isinstance(error, ValidationError) else "PluginError"
    return {
        "error": {
            "type": kind,
            "message": str(error),
            "details": {},
            "plugin": plugin,
            "timestamp": datetime.now(UTC).isoformat(),
        },
        "_internal": {"traceback": "".join(traceback.format_exception(error))},
    }
