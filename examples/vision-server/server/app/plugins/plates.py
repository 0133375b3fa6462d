"""Where number plates are."""

from typing import Any

from app.plugins.base import BasePlugin


class PlatePlugin(BasePlugin):
    name = "plates"

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        image: bytes = payload["image"]
        return {"plates": [image[:8].hex()]}
