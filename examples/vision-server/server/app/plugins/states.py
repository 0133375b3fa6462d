"""The Phase 11 lifecycle states."""

from enum import Enum


class PluginLifecycleState(Enum):
    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    UNAVAILABLE = "UNAVAILABLE"
