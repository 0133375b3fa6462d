"""Reading JSON and YAML: the value, or every fault with its place."""

from __future__ import annotations

import pytest

from govlint.documents.reader import read

JSON_FAULTS = [
    ('{"a":1,}', "trailing-comma", 1, 7),
    ('{"a":1,\n"a":2}', "duplicate-key", 2, 1),
    ('```json\n{"a":1}\n```', "fence", 1, 1),
    ('{"a":1}\n```\n', "fence", 2, 1),
    ('Here it is:\n```json\n{"a":1}\n```', "fence", 1, 1),
    ('Here is:\n{"a":1}', "prose", 1, 1),
    ('{"a":1}\nDone', "prose", 2, 1),
    ('{"a":NaN}', "non-finite", 1, 6),
    ('{"a":-Infinity}', "non-finite", 1, 6),
    ('{"a":1e999}', "non-finite", 1, 6),
    ('{"a":' + "1" * 5000 + "}", "number", 1, 6),
    ("{a:1}", "syntax", 1, 2),
    ("{'a':1}", "syntax", 1, 2),
    ("{“a”:1}", "syntax", 1, 2),
    ('{"a":True}', "syntax", 1, 6),
    ('{"a":undefined}', "syntax", 1, 6),
    ('{"a":high}', "syntax", 1, 6),
    ('{"a":01}', "syntax", 1, 6),
    ('{"a":.5}', "syntax", 1, 6),
    ('{"a":1.}', "syntax", 1, 6),
    ('{"a":+1}', "syntax", 1, 6),
    ('{"a":-}', "syntax", 1, 6),
    ('{"a":}', "syntax", 1, 6),
    ('{"a":,}', "syntax", 1, 6),
    ("{\"a\":'x'}", "syntax", 1, 6),
    ('{"a":1 "b":2}', "syntax", 1, 8),
    ('{"a":1;"b":2}', "syntax", 1, 7),
    ('{"a" 1}', "syntax", 1, 6),
    ('{"a"=1}', "syntax", 1, 5),
    ('{"a":1:2}', "syntax", 1, 7),
    ('{,"a":1}', "syntax", 1, 2),
    ("[1,2,,3]", "syntax", 1, 6),
    ('{"a":[1,2}', "syntax", 1, 10),
    ('{"a":1}}', "syntax", 1, 8),
    ('{"a":"x', "syntax", 1, 6),
    ('{"a":"x\ny"}', "syntax", 1, 6),
    ('{"a":"x\ty"}', "syntax", 1, 8),
    ('{"a":"\\q"}', "syntax", 1, 7),
    ('{"a":', "syntax", 1, 5),
    ('{"a"', "syntax", 1, 4),
    ('{"a":1,', "syntax", 1, 7),
    ("{", "syntax", 1, 1),
    ('{"a":\u00a01}', "syntax", 1, 6),
    ("", "empty", 1, 1),
    (" \n", "empty", 1, 1),
    ('{"a":1}{"b":2}', "several-documents", 1, 8),
    ('{"a":1}\n{"b":2}\n', "several-documents", 2, 1),
    ('{"a":"\\ud800"}', "undecodable", 1, 6),
    ('// x\n{"a":1}', "comment", 1, 1),
    ('{"a":1 /* x */}', "comment", 1, 8),
    ('{"a":1,\n# x\n"b":1}', "comment", 2, 1),
    ("[" * 101 + "]" * 101, "too-deep", 1, 101),
    ("nope", "syntax", 1, 1),
]

YAML_FAULTS = [
    ("a: 1\na: 2\n", "duplicate-key", 2, 1),
    ("x: &x {k: 1}\na:\n  <<: *x\n  k: 1\n  k: 2\n", "duplicate-key", 5, 3),
    ("x: &x {k: 1}\na:\n  <<: *x\n  <<: *x\n", "duplicate-key", 4, 3),
    ("a:\n\tb: 1\n", "tab", 2, 1),
    ("a:\n  - b\n  -\tc: 1\n    d: 2\n", "tab", 3, 4),
    ("a: .nan", "non-finite", 1, 4),
    ("a: -.INF", "non-finite", 1, 4),
    ("a: 1e999", "non-finite", 1, 4),
    ("a: " + "1" * 5000, "number", 1, 4),
    ("a: 1\n---\nb: 2\n", "several-documents", 2, 1),
    ("a: *x", "syntax", 1, 4),
    ("a: &a [*a]", "alias-bomb", 1, 8),
    ("a: {{ x.y }}", "complex-key", 1, 5),
    ("? [a, b]\n: c\n", "complex-key", 1, 3),
    ("a: &a [1]\n*a : 2\n", "complex-key", 2, 1),
    ("a: !!python/object:os.system x", "tag", 1, 4),
    ("a: !Ref {b: 1}", "tag", 1, 4),
    ("a: !!int x", "tag", 1, 4),
    ('a: "x\nb: 1\n', "syntax", 1, 4),
    ("a: b: c", "syntax", 1, 5),
    ("a: @x", "syntax", 1, 4),
    ("a: [1, 2\nb: 3\n", "syntax", 2, 2),
    ("<<: 3", "merge", 1, 5),
    ("a: \x07", "undecodable", 1, 4),
    ("", "empty", 1, 1),
    ("# nothing\n", "empty", 1, 1),
    ("- " * 101 + "x", "too-deep", 1, 201),
]


@pytest.mark.parametrize(("text", "kind", "line", "column"), JSON_FAULTS)
def test_each_fault_of_json_has_its_kind_and_place(
    text: str, kind: str, line: int, column: int
) -> None:
    document = read("x.json", text.encode(), "json")
    assert document.value is None
    fault = document.faults[0]
    assert (fault.kind, fault.line, fault.column) == (kind, line, column), fault


@pytest.mark.parametrize(("text", "kind", "line", "column"), YAML_FAULTS)
def test_each_fault_of_yaml_has_its_kind_and_place(
    text: str, kind: str, line: int, column: int
) -> None:
    document = read("x.yaml", text.encode(), "yaml")
    assert document.value is None
    fault = document.faults[0]
    assert (fault.kind, fault.line, fault.column) == (kind, line, column), fault


def test_merge_keys_and_anchors_used_legitimately_pass() -> None:
    text = (
        "base: &base\n  retries: 3\n  on: failure\nother: &other {retries: 1, x: 1}\n"
        "a:\n  <<: *base\n  retries: 5\nb:\n  <<: [*base, *other]\nlist: [*base, *base]\n"
    )
    document = read("x.yaml", text.encode(), "yaml")
    assert document.faults == ()
    assert document.value["a"] == {"retries": 5, "on": "failure"}
    assert document.value["b"] == {"retries": 3, "on": "failure", "x": 1}
    assert document.location("/a/on").line == 3
    assert document.location("/a/retries").line == 7
    assert document.location("/b/x").line == 4
