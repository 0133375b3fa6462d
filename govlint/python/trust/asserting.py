"""Whether a test asserts anything: itself, through a helper, or by what it expects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.paths.static import dotted
from govlint.python.syntax.walk import walk
from govlint.python.trust.reading import definitions, last, parameters
from govlint.python.vacuity import domain as d
from govlint.python.vacuity.expressions import Expressions, Notes
from govlint.python.vacuity.sources import AnyDef, Source, Sources

_ASSERTS = re.compile(
    r"_*(?:assert\w*|expect\w*|should\w*|verify\w*|check\w*|must\w*|ensure\w*|raises|warns|"
    r"deprecated_call|fail|failIf|failUnless|fail_\w+|match_snapshot|snapshot\w*|"
    r"testmod|testfile|approve\w*|compare\w*|validate_snapshot|to_\w+|"
    r"assertLogs|confirm\w*|require\w*|given_that|assume_that)"
)
_MOCK = re.compile(r"assert_(?:called|any|has|not|awaited|never)\w*")
_SKIPS = frozenset(
    {"skip", "skipif", "skipIf", "skipUnless", "xfail", "importorskip", "expectedFailure"}
)
_FIXTURES = re.compile(
    r"snapshot|benchmark|data_regression|file_regression|approvals|assert\w*|verify\w*|check\w*|expect\w*"
)
_DEPTH = 3


class Asserting:
    """Judges the tests of one file."""

    def __init__(self, sources: Sources, source: Source, governed: frozenset[str]) -> None:
        self.sources = sources
        self.source = source
        self.governed = governed
        self.methods = {(c.name if c else "", f.name): f for f, c in definitions(source.tree)}

    def vacuous(self) -> Iterator[tuple[AnyDef, str]]:
        """Each test that asserts nothing, with the governed component it is about."""
        for test, cls in definitions(self.source.tree):
            if not self._is_test(test, cls) or self._is_skipped(test, cls):
                continue
            what = self._subject(test, cls)
            if what is None or not self._does_something(test):
                continue
            if any(_FIXTURES.fullmatch(a.arg) for a in parameters(test)):
                continue
            if not self._asserts(test, cls, _DEPTH, set()):
                yield test, what

    @staticmethod
    def _is_test(test: AnyDef, cls: ast.ClassDef | None) -> bool:
        if any(
            last(d.func if isinstance(d, ast.Call) else d) == "fixture" for d in test.decorator_list
        ):
            return False
        if test.name == "runTest":
            return cls is not None
        return test.name.startswith("test") and (
            cls is None
            or cls.name.startswith("Test")
            or cls.name.endswith(("Test", "Tests", "TestCase"))
            or any("Test" in dotted(base) for base in cls.bases)
        )

    @staticmethod
    def _is_skipped(test: AnyDef, cls: ast.ClassDef | None) -> bool:
        for holder in (test, cls):
            for decorator in holder.decorator_list if holder is not None else ():
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                if last(target) in _SKIPS:
                    return True
        return any(
            isinstance(n, ast.Call) and last(n.func) in ("skip", "xfail", "skipTest")
            for s in test.body[:2]
            if isinstance(s, ast.Expr)
            for n in walk(s)
        )

    @staticmethod
    def _does_something(test: AnyDef) -> bool:
        return any(isinstance(n, ast.Call) for s in test.body for n in walk(s))

    def _subject(self, test: AnyDef, cls: ast.ClassDef | None) -> str | None:
        """The governed component a test is about: named in it, its fixtures or its class."""
        names = self._mentioned(test)
        for argument in parameters(test):
            fixture = self.methods.get(("", argument.arg))
            if fixture is None:
                found = self._conftest(argument.arg)
                names |= self._mentioned(found) if found is not None else set()
            else:
                names |= self._mentioned(fixture)
        if cls is not None:
            for method in cls.body:
                if isinstance(method, AnyDef) and method.name in (
                    "setUp",
                    "setup_method",
                    "asyncSetUp",
                    "setUpClass",
                ):
                    names |= self._mentioned(method)
        for part in walk(test):
            if isinstance(part, ast.Call) and isinstance(part.func, ast.Name):
                helper = self.source.functions.get(part.func.id)
                if helper is not None and helper is not test:
                    names |= self._mentioned(helper)
        for name in sorted(names):
            origin = self.source.imports.get(name)
            bare = origin[1] if origin is not None and origin[1] else name
            if bare in self.governed:
                return bare
        return None

    def _conftest(self, name: str) -> AnyDef | None:
        package = self.source.module.name.rpartition(".")[0]
        while True:
            candidate = self.sources.get(f"{package}.conftest" if package else "conftest")
            if candidate is not None and name in candidate.functions:
                return candidate.functions[name]
            if not package:
                return None
            package = package.rpartition(".")[0]

    @staticmethod
    def _mentioned(node: ast.AST) -> set[str]:
        names = {n.id for n in walk(node) if isinstance(n, ast.Name)}
        return names | {n.attr for n in walk(node) if isinstance(n, ast.Attribute)}

    # -- asserting ------------------------------------------------------------

    def _asserts(
        self, node: AnyDef, cls: ast.ClassDef | None, depth: int, seen: set[ast.AST]
    ) -> bool:
        if node in seen:
            return False
        seen.add(node)
        if any(
            last(d.func if isinstance(d, ast.Call) else d)
            in ("raises", "expectedFailure", "snapshot")
            for d in node.decorator_list
        ):
            return True
        swallowed = self._swallowed(node)
        for part in walk(node):
            if part in swallowed:
                continue
            if isinstance(part, ast.Assert):
                if not self._is_constant(part.test):
                    return True
            elif isinstance(part, ast.Raise) or (
                isinstance(part, ast.Call) and self._call_asserts(part, cls, depth, seen)
            ):
                return True
        return False

    @staticmethod
    def _swallowed(node: AnyDef) -> set[ast.AST]:
        """What stands in a `try` that takes a failed assertion for nothing."""
        found: set[ast.AST] = set()
        for part in walk(node):
            if not isinstance(part, ast.Try):
                continue
            for handler in part.handlers:
                names = ast.unparse(handler.type) if handler.type is not None else "Exception"
                broad = re.search(r"\b(?:AssertionError|Exception|BaseException)\b", names)
                answers = any(
                    isinstance(n, ast.Raise | ast.Assert)
                    or (isinstance(n, ast.Call) and _ASSERTS.fullmatch(last(n.func)))
                    for s in handler.body
                    for n in walk(s)
                )
                if broad and not answers:
                    found.update(n for s in part.body for n in walk(s))
        return found

    def _call_asserts(
        self, call: ast.Call, cls: ast.ClassDef | None, depth: int, seen: set[ast.AST]
    ) -> bool:
        name = last(call.func)
        helper: AnyDef | None = None
        holder = self
        inside: ast.ClassDef | None = None
        if isinstance(call.func, ast.Name):
            found = self.sources.resolve(self.source, name)
            if found is not None and isinstance(found[1], AnyDef):
                helper = found[1]
                if found[0] is not self.source:
                    holder = Asserting(self.sources, found[0], self.governed)
        elif dotted(getattr(call.func, "value", None)) in ("self", "cls") and cls is not None:
            helper = self.methods.get((cls.name, name))
            inside = cls
            if helper is None:
                for base in cls.bases:
                    helper = helper or self.methods.get((last(base), name))
        if helper is not None:
            return depth > 0 and holder._asserts(helper, inside, depth - 1, seen)
        if (
            name in ("assertTrue", "assert_", "assertIsNotNone", "failUnless")
            and len(call.args) == 1
        ):
            return not self._is_constant(call.args[0])
        if name in ("assertEqual", "assertEquals", "assertIs") and len(call.args) >= 2:
            return ast.dump(call.args[0]) != ast.dump(call.args[1])
        if isinstance(call.func, ast.Attribute) and name.startswith(
            ("verify", "check", "ensure", "validate")
        ):
            owner = dotted(call.func.value)
            return owner in ("self", "cls", "pytest", "testing", "npt", "np.testing", "check")
        if name.startswith(("verify", "check", "ensure", "require", "compare", "must")):
            return isinstance(call.func, ast.Name)
        if _MOCK.fullmatch(name):
            return True
        return _ASSERTS.fullmatch(name) is not None

    @staticmethod
    def _is_constant(test: ast.expr) -> bool:
        """Whether the text alone makes an assertion hold."""
        notes = Notes()
        value = Expressions(lambda _: None, lambda _: None, notes, lambda _: False).value(test)
        if isinstance(
            test, ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.JoinedStr | ast.Lambda
        ):
            return bool(value.truth) or isinstance(test, ast.Tuple)
        return value.truth is True and value != d.UNKNOWN
