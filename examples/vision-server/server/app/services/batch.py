"""Many images at once, for the nightly import."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from app.plugins.registry import PluginRegistry


class BatchImport:
    def __init__(self, registry: PluginRegistry, workers: int = 4) -> None:
        self._registry = registry
        self._workers = workers

    def analyse(self, name: str, images: Iterable[bytes]) -> list[dict[str, Any]]:
        plugin = self._registry.get(name)
        with ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(plugin.run, {"image": image}) for image in images]
            return [future.result() for future in futures]
