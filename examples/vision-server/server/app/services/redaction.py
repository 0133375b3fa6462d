"""Finds what has to be blurred before an image is published."""

from typing import Any

from app.plugins.faces import FacePlugin
from app.plugins.plates import PlatePlugin

_FINDERS = {
    "faces": FacePlugin(),
    "plates": PlatePlugin(),
}


def regions(kind: str, image: bytes) -> dict[str, Any]:
    return _FINDERS[kind].run({"image": image, "mime_type": "image/png"})
