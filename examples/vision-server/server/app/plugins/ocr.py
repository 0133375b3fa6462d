"""What is written in an image."""

from typing import Any

from app.plugins.base import BasePlugin


class OcrPlugin(BasePlugin):
    name = "ocr"

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        image: bytes = payload["image"]
        return {"text": image.decode("ascii", errors="replace")}
