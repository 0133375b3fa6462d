"""The names that the participation and trust packs take from the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from govlint import engine
from govlint.catalog import load_catalog
from govlint.config import load_config

CASES = {
    "participants": (
        "GOV501",
        'participants = ["DomainService"]',
        "import os\nfrom core.base import DomainService\n\n\nclass Content(DomainService):\n"
        "    async def handle_intent(self, intent, execution_context):\n"
        '        os.remove("x")\n        return {"artifacts": {}, "events": []}\n\n'
        '    def get_supported(self):\n        return ["a.b"]\n',
    ),
    "contexts": (
        "GOV507",
        'contexts = ["CallContext"]',
        "from core.base import CallContext\n\n\ndef go(call: CallContext):\n    call.user = 1\n",
    ),
    "state-surfaces": (
        "GOV502",
        'state-surfaces = ["Board"]',
        "from core.base import Board, RuntimeParticipant\n\n\nclass Content(RuntimeParticipant):\n"
        "    def get_supported_intents(self):\n        return ['a.b']\n\n"
        "    async def handle_intent(self, intent, execution_context):\n"
        '        Board().get("x")\n        return {"artifacts": {}, "events": []}\n',
    ),
    "policies": (
        "GOV506",
        'policies = ["Law"]',
        "from core.base import Law, RuntimeParticipant\n\n\nclass Content(RuntimeParticipant):\n"
        "    def get_supported_intents(self):\n        return ['a.b']\n\n"
        "    async def handle_intent(self, intent, execution_context):\n"
        '        Law().evaluate("x")\n        return {"artifacts": {}, "events": []}\n',
    ),
    "runtimes": (
        "GOV508",
        'runtimes = ["Kernel"]',
        "class Kernel:\n    def run(self, intent):\n"
        '        return intent.intent_type == "content.upload"\n',
    ),
    "trace-ids": (
        "GOV601",
        'trace-ids = ["trace_id", "shard"]',
        "def go(metrics, a, b, c, d, e):\n    metrics.increment(\n"
        '        "x", trace_id=a, session_id=b, task_id=c, capability_id=d, version=e\n    )\n',
    ),
    "event-logs": (
        "GOV603",
        'event-logs = ["*Chronicle"]',
        "class AuditLogReader: ...\n\n\nclass OrderChronicle:\n    def undo(self):\n"
        "        self._entries.pop()\n",
    ),
    "tenant-fields": (
        "GOV602",
        'tenant-fields = ["tenant_key"]',
        "def go(ctx, repo, tenant_id):\n    if tenant_id != ctx.tenant_id:\n"
        "        raise PermissionError\n    return repo.list_orders(tenant_id)\n",
    ),
}


def _codes(folder: Path, configured: str, text: str, code: str) -> set[str]:
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "x.py").write_text(text)
    (folder / "pyproject.toml").write_text(f"[tool.govlint.bindings]\n{configured}\n")
    options = engine.Options(select=(code,), cache=False, jobs=1)
    result = engine.run(["."], load_config(["."]), load_catalog(), options)
    assert not result.problems
    return {finding.rule for finding in result.findings}


@pytest.mark.parametrize("key", CASES)
def test_a_binding_decides(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, configured, text = CASES[key]
    monkeypatch.chdir(tmp_path)
    assert _codes(tmp_path, "", text, code) == set()
    assert _codes(tmp_path, configured, text, code) == {code}
