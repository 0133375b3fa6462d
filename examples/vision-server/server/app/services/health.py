"""Asks every plugin whether it still answers."""

from app.plugins.registry import PluginRegistry

PROBE = {"image": b"\x89PNG", "mime_type": "image/png"}
_VERBS = ("describe", "run")


def answers(registry: PluginRegistry) -> dict[str, bool]:
    health: dict[str, bool] = {}
    for plugin in registry:
        probe = getattr(plugin, _VERBS[1])
        health[plugin.name] = isinstance(probe(PROBE), dict)
    return health
