"""Every way a request can fail, and the error envelope of spec 001 section 6.

The envelope has three types and no more. `_internal` is for the log of this process: nothing
that leaves the process carries it.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

ERROR_TYPES = ("ValidationError", "PluginError", "ExecutionError")


class RuntimeMinError(Exception):
    """Base of all errors of this package; `type` is what the envelope says, `code` is stable."""

    type = "ExecutionError"

    def __init__(self, message: str, code: str = "execution-failed", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class ValidationFailed(RuntimeMinError):
    """Input or output breaks the contract."""

    type = "ValidationError"

    def __init__(self, message: str, code: str = "invalid-input", **details: Any) -> None:
        super().__init__(message, code, **details)


class CapabilityFailed(RuntimeMinError):
    """The capability itself failed; `retryable` says whether another attempt may help."""

    type = "PluginError"

    def __init__(
        self, message: str, code: str = "plugin-failed", retryable: bool = False, **details: Any
    ) -> None:
        super().__init__(message, code, **details)
        self.retryable = retryable


class Refused(RuntimeMinError):
    """The gate or the policy said no; nothing was executed."""

    def __init__(self, message: str, code: str, **details: Any) -> None:
        super().__init__(message, code, **details)


class Cancelled(RuntimeMinError):
    """The run was cancelled on request."""

    def __init__(self, message: str = "the run was cancelled on request") -> None:
        super().__init__(message, "cancelled")


class RecordError(RuntimeMinError):
    """The journal or a receipt cannot be written or read; the message says what to do."""

    def __init__(self, message: str, code: str = "record-unusable", **details: Any) -> None:
        super().__init__(message, code, **details)


class StaleWriter(RecordError):
    """Compare-and-swap failed: another writer has gone on with this run, or owns its epoch."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message, "stale-writer", **details)


def error_envelope(error: BaseException, plugin: str, timestamp: str) -> dict[str, Any]:
    """Wrap any exception as spec 001 section 6 has it; `timestamp` is UTC, ISO 8601.

    The message of an exception that is not ours stays inside: it may hold paths or data.
    """
    if isinstance(error, RuntimeMinError):
        kind, message = error.type, str(error)
        details = {"code": error.code, **error.details}
    else:
        kind = "PluginError"
        message = f"the capability failed with {type(error).__name__}"
        details = {"code": "plugin-failed"}
    return {
        "error": {
            "type": kind,
            "message": message,
            "details": details,
            "plugin": plugin,
            "timestamp": timestamp,
        },
        "_internal": {"traceback": "".join(traceback.format_exception(error))},
    }


def recorded_error(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What a record keeps of an error envelope: never its `_internal`."""
    error = envelope["error"]
    code = error.get("details", {}).get("code", "execution-failed")
    return {"type": error["type"], "message": str(error["message"])[:4000], "code": code}
