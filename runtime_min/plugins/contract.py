"""What a plugin is, and what goes in and comes out of one (spec 001 sections 3 and 5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from runtime_min.kernel.errors import ValidationFailed
from runtime_min.kernel.states import PluginLifecycleState


class BasePlugin(ABC):
    """Business logic and nothing else. One instance lives for one run, so no run sees another's."""

    name: ClassVar[str]
    version: ClassVar[str]
    summary: ClassVar[str]

    def __init__(self) -> None:
        self.lifecycle_state = PluginLifecycleState.LOADED

    @abstractmethod
    def run(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Work on `payload` (`image` in base64, `mime_type`, and the plugin's own options)."""


def validate_input(payload: Any) -> None:
    """Raise ValidationFailed unless `image` and `mime_type` are there and not empty."""
    if not isinstance(payload, dict):
        raise ValidationFailed(
            f"the input is {type(payload).__name__}; accepted is an object with image and mime_type"
        )
    for key in ("image", "mime_type"):
        value = payload.get(key)
        if not isinstance(value, str) or not value.strip():
            raise ValidationFailed(f"{key} is missing, empty or not text", field=key)


def validate_output(output: Any) -> None:
    """Raise ValidationFailed unless a plugin gave back a dict."""
    if not isinstance(output, dict):
        raise ValidationFailed(
            f"the plugin gave back {type(output).__name__}, not a dict", "invalid-output"
        )
