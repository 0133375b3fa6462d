"""What the text of an option and of a constraint says, and what strings a module has."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from govlint.documents.roles.constraints import Atom, read_rule
from govlint.documents.roles.descriptors import ValueFault, accepts_schema, refusals, value_of
from govlint.documents.roles.domains import breaks
from govlint.python.literals import literals

VALUES: list[tuple[str, dict[str, Any], Any]] = [
    ("a b", {"type": "string"}, "a b"),
    ("7", {"type": "string"}, "7"),
    ("007", {"type": "integer"}, 7),
    ("-5", {"type": "integer"}, -5),
    ("5", {"type": "number"}, 5),
    (".5e1", {"type": "number"}, 5.0),
    ("TRUE", {"type": "boolean"}, True),
    ("", {"type": "array"}, []),
    ("[]", {"type": "array"}, []),
    ("a, b", {"type": "array"}, ["a", "b"]),
    ("1,2", {"type": "array", "items": {"type": "integer"}}, [1, 2]),
    ("[\"a,b\", 'c']", {"type": "array"}, ["a,b", "c"]),
    ('["a\\"b"]', {"type": "array"}, ['a"b']),
    ("[1, 2.5, true, false]", {"type": "array"}, [1, 2.5, True, False]),
    ("[+1, 01]", {"type": "array"}, [1, 1.0]),
    ('{"a": 1}', {"type": "object"}, {"a": 1}),
    ("2", {"enum": [1, 2, "x"]}, 2),
    ("x", {"enum": [1, 2, "x"]}, "x"),
    ("3", {"enum": [1, 2, "x"]}, "3"),
    ("anything", {}, "anything"),
    ("5", {"type": ["integer", "null"]}, 5),
    ("five", {"type": ["integer", "string"]}, "five"),
    ("a", {"type": ["string", "null"]}, "a"),
]


@pytest.mark.parametrize(("text", "descriptor", "value"), VALUES)
def test_text_stands_for_a_value_of_its_type(
    text: str, descriptor: dict[str, Any], value: Any
) -> None:
    assert value_of(text, descriptor) == value


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("1.0", "integer", "a whole number"),
        ("x", ["integer", "null"], "a whole number"),
        ("1_000", "integer", "a whole number"),
        ("٣", "integer", "a whole number"),
        ("nan", "number", "a number"),
        ("yes", "boolean", "true or false"),
        ("1", "boolean", "true or false"),
        ("[a]", "array", 'write ["a"]'),
        ('["a"', "array", 'a list such as ["a"]'),
        ('["a",]', "array", 'a list such as ["a"]'),
        ('["a" "b"]', "array", 'a list such as ["a","b"]'),
        ('["a"]b]', "array", "a list such as"),
        ("{", "object", "a mapping in JSON"),
        ("[1]", "object", "a mapping in JSON"),
    ],
)
def test_text_that_stands_for_none_says_what_is_due(text: str, kind: Any, said: str) -> None:
    with pytest.raises(ValueFault) as fault:
        value_of(text, {"type": kind})
    assert said in str(fault.value)


def test_a_descriptor_is_read_for_what_it_soundly_says() -> None:
    odd = {
        "type": "number",
        "enum": [],
        "minimum": "low",
        "maxLength": -1,
        "multipleOf": 0,
        "uniqueItems": "yes",
        "pattern": 7,
        "required": True,
        "$ref": "https://example.invalid/schema",
        "const": None,
        "items": {"$ref": "#", "type": "string"},
        "properties": {"a": {"minItems": 1.5}, "b": 7},
    }
    assert accepts_schema(odd) == {
        "type": "number",
        "const": None,
        "items": {"type": "string"},
        "properties": {"a": {}},
    }
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"items": deep}
    assert refusals([], deep) == []


def atom(name: str, operator: str, *values: object, **more: Any) -> Atom:
    return Atom(name, operator, values, **more)


RULES: list[tuple[str, list[list[Atom]]]] = [
    ("x<=5", [[atom("x", "<=", 5.0)]]),
    ("x = 5", [[atom("x", "==", 5.0)]]),
    ("x ≤ 5", [[atom("x", "<=", 5.0)]]),
    ("x must be at most 5 items", [[atom("x", "<=", 5.0)]]),
    ("x must not exceed 1_000", [[atom("x", "<=", 1000.0)]]),
    ("x should be more than 1 minute", [[atom("x", ">", 60.0, unit="time")]]),
    ("x is not 'a'", [[atom("x", "!=", "a")]]),
    ("x is safe", [[atom("x", "==", "safe", loose=True)]]),
    ("1 < x < 5", [[atom("x", ">", 1.0), atom("x", "<", 5.0)]]),
    ("5 >= x", [[atom("x", "<=", 5.0)]]),
    ("len(x) > 2", [[atom("x", ">", 2.0, of_size=True)]]),
    ("x must have at least two entries", [[atom("x", ">=", 2.0, of_size=True)]]),
    ("x contains a and b and y > 1", [[atom("x", "has", "a", "b"), atom("y", ">", 1.0)]]),
    ("x must not include [a, 'b c']", [[atom("x", "has-not", "a", "b c")]]),
    ("x not in (1, true)", [[atom("x", "not-in", 1.0, True)]]),
    (
        "x > 1 and y < 2 or z == 3",
        [[atom("x", ">", 1.0), atom("y", "<", 2.0)], [atom("z", "==", 3.0)]],
    ),
    ("role.depth <= 3", [[atom("depth", "<=", 3.0)]]),
    ("true", [[]]),
    ("never", []),
    ("2 >= 1", [[]]),
    ("at most one anchor is given", [[atom("anchors", "<=", 1.0, of_size=True)]]),
    ("uses exactly 3 big boxes", [[atom("big_boxes", "==", 3.0, of_size=True)]]),
]


@pytest.mark.parametrize(("text", "alternatives"), RULES)
def test_a_rule_is_read(text: str, alternatives: list[list[Atom]]) -> None:
    rule = read_rule(text, {"anchors", "big_boxes"})
    assert rule is not None
    assert [list(atoms) for atoms in rule.alternatives] == alternatives


@pytest.mark.parametrize(
    "text",
    [
        "",
        "must be locked",
        "x",
        "x <=",
        "x in []",
        "x must include",
        "x <= 5 blah blah",
        "1.2.3 < x",
        "1..2 > 3",
        "5 < (x)",
        "the output must follow the template",
        "at least one reviewer",
    ],
)
def test_prose_is_no_rule(text: str) -> None:
    assert read_rule(text) is None


def test_what_breaks_a_rule_is_told_only_where_it_is_certain() -> None:
    def culprit(text: str, **values: Any) -> str | None:
        rule = read_rule(text)
        assert rule is not None
        return breaks(rule, values)

    assert culprit("x <= 5", x=6) == "x"
    assert culprit("x <= 5", x="6") is None
    assert culprit("x <= 5 s", x=6) is None
    assert culprit("x != 'a'", x="a") == "x"
    assert culprit("x in [1, 2]", x=3) == "x"
    assert culprit("x <= 5 or y <= 5", x=6) is None
    assert culprit("x <= 5 or y <= 5", x=6, y=6) == "x"
    assert culprit("x must not include a", x=["a"]) == "x"
    assert culprit("x must include a", x=["**/a/", 3]) is None
    assert culprit("x == 'a'", x=["a"]) is None
    assert culprit("len(x) == 1", x=["a", "b"]) == "x"


MODULE = '''"""Doc @role a.b x."""
run(f"@role {role} x", other=1)
run(command="@role c.d x")
a = "é" + "@role e.f x"
b = ["@role", "g.h", "it's", *rest, 7]
c = "@role %s" % name
d = ("@role i.j "
     "x")
e = (1 + 2, "@role k.l", -3 + 4)
g = f"{'@role in'} @role m.n"
h = """
@role o.p x
"""
'''


def test_the_strings_of_a_module_are_told_with_their_places() -> None:
    found = list(literals(ast.parse(MODULE), "m.py", MODULE, "@role"))
    told = [
        (
            s.text,
            s.is_docstring,
            s.called,
            s.place(s.text.find("@role"), s.text.find("@role") + 5).line,
        )
        for s in found
    ]
    assert told == [
        ("Doc @role a.b x.", True, "", 1),
        ("@role \0 x", False, "run", 2),
        ("@role c.d x", False, "run", 3),
        ("é@role e.f x", False, "", 4),
        ('@role g.h "it\'s" \0 \0', False, "", 5),
        ("@role %s", False, "", 6),
        ("@role i.j x", False, "", 7),
        ("@role k.l", False, "", 9),
        ("\0 @role m.n", False, "", 10),
        ("@role in", False, "", 10),
        ("\n@role o.p x\n", False, "", 11 + 1),
    ]
    place = found[3].place(1, 6)
    assert (place.column, place.end_column) == (12, 17)
    assert found[4].place(6, 9).column == 15
    assert found[6].place(10, 11).line == 8
