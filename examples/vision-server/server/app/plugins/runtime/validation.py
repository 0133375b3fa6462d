"""What may go into a plugin, and what may come out."""

from typing import Any


class ValidationError(Exception):
    """The input or the output of an execution is not what it has to be."""


def validate_input(payload: dict[str, Any]) -> None:
    for key in ("image", "mime_type"):
        if not payload.get(key):
            raise ValidationError(f"{key} must be present and non-empty")


def validate_output(output: object) -> None:
    if not isinstance(output, dict):
        raise ValidationError(f"a plugin returns a dict, not {type(output).__name__}")
