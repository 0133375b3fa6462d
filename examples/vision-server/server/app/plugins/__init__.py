"""Plugins: what analyses an image, and what keeps them."""

from app.plugins.base import BasePlugin
from app.plugins.registry import PluginRegistry
from app.plugins.states import PluginLifecycleState

__all__ = ["BasePlugin", "PluginLifecycleState", "PluginRegistry"]
