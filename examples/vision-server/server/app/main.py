"""Puts the server together."""

from app.plugins.faces import FacePlugin
from app.plugins.ocr import OcrPlugin
from app.plugins.plates import PlatePlugin
from app.plugins.registry import PluginRegistry
from app.plugins.runtime.tool_runner import ToolRunner
from app.services.execution.analysis_execution import AnalysisExecutionService
from app.services.execution.job_execution import JobExecutionService
from app.services.execution.plugin_execution import PluginExecutionService


def build_registry() -> PluginRegistry:
    registry = PluginRegistry()
    for plugin in (FacePlugin(), OcrPlugin(), PlatePlugin()):
        registry.register(plugin)
    return registry


def build_analyses(registry: PluginRegistry) -> AnalysisExecutionService:
    runner = ToolRunner(registry)
    return AnalysisExecutionService(JobExecutionService(PluginExecutionService(runner)))


registry = build_registry()
analyses = build_analyses(registry)
