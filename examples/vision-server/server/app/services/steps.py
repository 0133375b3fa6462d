"""Applies one step to many images, whatever the step is."""

from collections.abc import Callable, Iterable
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]


def apply(step: Step, images: Iterable[bytes]) -> list[dict[str, Any]]:
    return [step({"image": image, "mime_type": "image/jpeg"}) for image in images]
