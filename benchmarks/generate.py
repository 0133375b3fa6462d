"""Write a project of 1,500 files in which every tenth has to do with plugins.

    python benchmarks/generate.py DIR [--files 1500] [--violations 3]

The same arguments give the same bytes. The code is clean apart from the violations asked for.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

_FIXED = {
    "govlint.toml": "",
    "shop/__init__.py": "",
    "shop/plugins/__init__.py": "",
    "shop/runtime/__init__.py": "",
    "shop/services/__init__.py": "",
    "shop/api/__init__.py": "",
    "shop/domain/__init__.py": "",
    "shop/plugins/base.py": '''\
"""What every plugin is."""

from abc import ABC, abstractmethod
from typing import Any


class BasePlugin(ABC):
    name: str = ""

    @abstractmethod
    def run(self, payload: dict[str, Any]) -> dict[str, Any]: ...
''',
    "shop/plugins/states.py": """\
from enum import Enum


class PluginLifecycleState(Enum):
    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    UNAVAILABLE = "UNAVAILABLE"
""",
    "shop/plugins/registry.py": '''\
"""Which plugins there are, in which state, with which metrics."""

from shop.plugins.base import BasePlugin
from shop.plugins.states import PluginLifecycleState


class PluginRegistry:
    def __init__(self) -> None:
        self._plugins: dict[str, BasePlugin] = {}
        self._states: dict[str, PluginLifecycleState] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def register(self, plugin: BasePlugin) -> None:
        self._plugins[plugin.name] = plugin
        self._states[plugin.name] = PluginLifecycleState.LOADED

    def get(self, name: str) -> BasePlugin:
        return self._plugins[name]

    def set_state(self, name: str, state: PluginLifecycleState) -> None:
        self._states[name] = state

    def update_execution_metrics(self, name: str, outcome: str) -> None:
        key = (name, outcome)
        self._counts[key] = self._counts.get(key, 0) + 1
''',
    "shop/runtime/validation.py": """\
class ValidationError(Exception):
    pass


def validate_input(payload: dict) -> None:
    for key in ("image", "mime_type"):
        if not payload.get(key):
            raise ValidationError(f"{key} must be present and non-empty")


def validate_output(output: object) -> None:
    if not isinstance(output, dict):
        raise ValidationError("a plugin returns a dict")
""",
    "shop/runtime/envelope.py": """\
from typing import Any

from shop.runtime.validation import ValidationError


def error_envelope(error: Exception, plugin: str) -> dict[str, Any]:
    kind = "ValidationError" if isinstance(error, ValidationError) else "PluginError"
    return {"error": {"type": kind, "message": str(error), "plugin": plugin}}
""",
    "shop/runtime/tool_runner.py": '''\
"""The gate: the only code that runs a plugin."""

from typing import Any

from shop.plugins.registry import PluginRegistry
from shop.plugins.states import PluginLifecycleState
from shop.runtime.envelope import error_envelope
from shop.runtime.validation import validate_input, validate_output


class ToolRunner:
    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry

    def run(self, name: str, payload: dict[str, Any]) -> dict[str, Any]:
        plugin = self._registry.get(name)
        outcome = "error"
        try:
            validate_input(payload)
            self._registry.set_state(name, PluginLifecycleState.RUNNING)
            output = plugin.run(payload)
            validate_output(output)
            outcome = "success"
            return output
        except Exception as failure:
            return error_envelope(failure, plugin=name)
        finally:
            self._registry.update_execution_metrics(name, outcome)
''',
    "shop/wiring.py": """\
from shop.plugins.registry import PluginRegistry
from shop.runtime.tool_runner import ToolRunner

registry = PluginRegistry()
runner = ToolRunner(registry)
""",
}

_PLUGIN = '''\
"""Finds {word} in an image."""

from typing import Any

from shop.plugins.base import BasePlugin
from shop.wiring import registry


class {title}Plugin(BasePlugin):
    name = "{name}"
    threshold = {number}

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        found = [part for part in payload["image"] if part > self.threshold]
        return {{"{word}": found, "count": len(found)}}


registry.register({title}Plugin())
'''

_SERVICE = '''\
"""Runs plugin {name} for the {word} of an order."""

from typing import Any

from shop.domain.{domain} import summarise_{domain}
from shop.wiring import runner

PLUGIN = "{name}"


class {title}Service:
    def __init__(self, tool_runner: object = runner) -> None:
        self._runs = 0

    def analyse(self, image: bytes) -> dict[str, Any]:
        self._runs += 1
        answer = runner.run(PLUGIN, {{"image": image, "mime_type": "image/png"}})
        return {{"answer": answer, "summary": summarise_{domain}([self._runs, {number}])}}
'''

_API = '''\
"""The {word} of an order, over HTTP."""

from typing import Any

from fastapi import APIRouter

from shop.services.{service} import {service_title}Service

router = APIRouter(prefix="/{word}/{number}")
service = {service_title}Service()


@router.post("/{name}")
def {name}(image: bytes) -> dict[str, Any]:
    answer = service.analyse(image)["answer"]
    answer.pop("_internal", None)
    return answer
'''

_VIOLATION = """

def preview(image: bytes) -> dict[str, Any]:
    from shop.wiring import registry

    tool = registry.get(PLUGIN)
    return tool.run({"image": image})
"""

_WORDS = "order invoice parcel price stock basket customer address label carrier refund".split()


def _domain(name: str, random_: random.Random, others: list[str]) -> str:
    """An ordinary module: a class, functions, loops, a comprehension, an import."""
    word, other = random_.choice(_WORDS), random_.choice(_WORDS)
    lines = [f'"""What there is to know of a {word}\'s {other}."""', "", "import json", "import re"]
    lines += ["from collections import defaultdict", "from dataclasses import dataclass", ""]
    if others:
        chosen = random_.choice(others)
        lines += [f"from shop.domain.{chosen} import summarise_{chosen}", ""]
    lines += [f'_FORM = re.compile(r"^{word}-(\\d+)$")', f"_LIMIT = {random_.randint(2, 999)}", ""]
    lines += ["", "@dataclass(frozen=True)", f"class {word.title()}:", "    number: int"]
    lines += [f"    {other}: str = ''", "    weight: float = 0.0", ""]
    lines += [
        "    def heavy(self) -> bool:",
        f"        return self.weight > {random_.random():.3f}",
    ]
    for i in range(random_.randint(3, 12)):
        a, b = random_.choice(_WORDS), random_.choice(_WORDS)
        lines += ["", ""]
        lines += [f"def {a}_by_{b}_{i}(items: list[{word.title()}], at: int = {i}) -> dict:"]
        lines += [f"    {b} = defaultdict(list)", "    for item in items:"]
        lines += ["        if not item.heavy() and item.number % 3:", "            continue"]
        lines += ["        try:", f"            match = _FORM.match(item.{other})"]
        lines += [f"            {b}[item.number + at].append(match.group(1) if match else None)"]
        lines += ["        except ValueError as error:", f"            {b}[-1].append(str(error))"]
        lines += [f"    return {{key: sorted(map(str, value)) for key, value in {b}.items()}}"]
    lines += ["", "", f"def summarise_{name}(values: list[int]) -> str:"]
    if others:
        lines += [f"    rest = summarise_{chosen}(values[:-1]) if len(values) > _LIMIT else ''"]
    else:
        lines += ["    rest = ''"]
    lines += ["    return json.dumps({'total': sum(values), 'rest': rest})", ""]
    return "\n".join(lines)


def files(count: int = 1500, violations: int = 3, seed: int = 7) -> Iterator[tuple[str, str]]:
    """Path and text of each file of the project."""
    random_ = random.Random(seed)
    yield from _FIXED.items()
    python = sum(path.endswith(".py") for path in _FIXED)
    candidates = max(count // 10 - 6, 6)  # the six of _FIXED that have to do with plugins
    domains: list[str] = []
    for i in range(count - python - candidates):
        name = f"{random_.choice(_WORDS)}_{i}"
        yield f"shop/domain/{name}.py", _domain(name, random_, domains[-20:])
        domains.append(name)
    plugins = services = 0
    for i in range(candidates):
        word = random_.choice(_WORDS)
        part = {
            "word": word,
            "title": f"{word.title()}{i}",
            "name": f"{word}_{i}",
            "number": random_.randint(1, 99),
            "domain": random_.choice(domains),
        }
        if i % 3 == 0 or not plugins:
            yield f"shop/plugins/{word}_{i}.py", _PLUGIN.format(**part)
            plugins, plugin = plugins + 1, part["name"]
        elif i % 3 == 1:
            text = _SERVICE.format(**{**part, "name": plugin})
            yield f"shop/services/{word}_{i}.py", text + _VIOLATION * (services < violations)
            services, service = services + 1, (part["name"], part["title"])
        else:
            text = _API.format(**part, service=service[0], service_title=service[1])
            yield f"shop/api/{word}_{i}.py", text


def write(folder: Path, count: int = 1500, violations: int = 3) -> list[str]:
    """Write the project below `folder`; gives the paths of the services."""
    services = []
    for path, text in files(count, violations):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        if path.startswith("shop/services/") and not path.endswith("__init__.py"):
            services.append(path)
    return services


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1500)
    parser.add_argument("--violations", type=int, default=3)
    given = parser.parse_args()
    write(given.folder, given.files, given.violations)
