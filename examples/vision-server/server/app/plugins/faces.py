"""Where faces are."""

from typing import Any

from app.plugins.base import BasePlugin


class FacePlugin(BasePlugin):
    name = "faces"

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        image: bytes = payload["image"]
        return {"faces": [{"x": 0, "y": 0, "size": len(image)}]}
