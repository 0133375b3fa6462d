"""Examples of rule pages that are documents: pointers, marks, sets, and every form of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import stub_documents
import stub_rules
from stub_rules import stub_catalog

from govlint.catalog import Catalog
from govlint.errors import RuleError
from govlint.examples import VARIANTS, run_example
from govlint.pages import Page, parse

RULES = [replace(rule, pack="missions") for rule in (*stub_rules.RULES, *stub_documents.RULES)]

PAGE = """---
id: DOC002
name: forbidden-key
severity: error
since: 0.2.0
check: stub-key
params: {}
spec: "002"
---
# A key may not stand

It is forbidden.

## How to fix

Take it out.

## Invalid

INVALID

## Valid

```yaml
steps: []
```
"""


@pytest.fixture(autouse=True)
def stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    stub_rules.install(monkeypatch)
    stub_documents.install(monkeypatch)


def page(invalid: str, pack: str = "missions") -> Page:
    path = f"rules/{pack}/DOC002-forbidden-key.md"
    made = parse(PAGE.replace("INVALID", invalid), path)
    made.rule = replace(made.rule, documents=("report", "mission", "role", "role-registry"))
    return made


def catalog(pack: str = "missions") -> Catalog:
    return stub_catalog([replace(rule, pack=pack) for rule in RULES])


def said(text: str, variant: str = "plain", pack: str = "missions") -> list[str] | None:
    made = page(text, pack)
    found = run_example(made, made.examples[0], variant, catalog(pack))
    return None if found is None else [mismatch.message for mismatch in found]


JSON = '```json expect="/a/forbidden"\n{"a": {"forbidden": 1}}\n```'
YAML = "```yaml\na:\n  forbidden: 1  # expect: DOC002\n```"


@pytest.mark.parametrize("text", [JSON, YAML])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_form_of_a_document_is_run(text: str, variant: str) -> None:
    assert said(text, variant) == []


@pytest.mark.parametrize("pack", ["reports", "missions", "roles"])
def test_an_untitled_block_is_what_its_pack_is_about(pack: str) -> None:
    assert said(JSON, pack=pack) == []


def test_an_untitled_block_of_another_pack_is_a_plain_file() -> None:
    found = said(JSON, pack="execution")
    assert found is not None
    assert "DOC002 is expected at /a/forbidden and was not found" in found
    assert any("there is no Python file" in message for message in found)


def test_a_registry_among_the_roles_is_told_by_its_content() -> None:
    value = '{"roles": [{"definition_file": "x", "forbidden": 1}]}'
    text = f'```json expect="/roles/0/forbidden"\n{value}\n```'
    made = page(text, "roles")
    assert run_example(made, made.examples[0], "plain", catalog("roles")) == []


def test_a_line_and_another_rules_code_can_be_expected() -> None:
    assert said('```json expect="@2 @3"\n{\n"forbidden": [{\n"forbidden": 1}]}\n```') == []
    assert said('```json expect="/forbidden DOC001:@1"\n{"forbidden": 1}\n```') == [
        "DOC001 is expected here and was not found"
    ]
    text = '```json expect="#"\n{"forbidden": 1}\n```'
    assert said(text) == [
        "DOC002 is expected here and was not found",
        "DOC002 was found at /forbidden and is not expected: this key is forbidden",
    ]


def test_titled_blocks_form_a_set_that_is_told_by_content() -> None:
    step = "steps:\n  - step_type: noop\n    forbidden: 1  # expect: DOC002\n"
    text = (
        f'```yaml title="a/m.yaml"\n{step}```\n\n'
        '```json title="r.json" expect="/forbidden"\n'
        '{"id": "a.b", "runtime_behavior": 1, "governance_rules": 1, "forbidden": 1}\n```\n\n'
        '```json title="package.json"\n{"forbidden": 1}\n```'
    )
    for variant in VARIANTS:
        assert said(text, variant) == [], variant


@pytest.mark.parametrize("word", ["steps", "DOC1:/a", "@x", "GOV101"])
def test_what_is_no_place_is_refused(word: str) -> None:
    with pytest.raises(RuleError, match="takes JSON pointers"):
        page(f'```json expect="{word}"\n{{}}\n```')
