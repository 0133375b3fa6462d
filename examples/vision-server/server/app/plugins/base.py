"""What every plugin is."""

from abc import ABC, abstractmethod
from typing import Any


class BasePlugin(ABC):
    """One kind of analysis. Only ToolRunner runs it."""

    name: str = ""
    version: str = "1.0.0"

    @abstractmethod
    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Analyse `payload["image"]` and return a dict."""

    def describe(self) -> dict[str, str]:
        return {"name": self.name, "version": self.version}
