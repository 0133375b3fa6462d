"""Whether a test asserts anything: itself, through a helper, or by what it expects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from govlint.python.paths.static import dotted, truth
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
            if self._is_never_run(test) or not self._asserts(test, cls, _DEPTH, set()):
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

    def _is_never_run(self, test: AnyDef) -> bool:
        """Whether a test is parametrised by an empty list: it has no case at all."""
        for decorator in test.decorator_list:
            if isinstance(decorator, ast.Call) and last(decorator.func) == "parametrize":
                given = [*decorator.args[1:2], *(k.value for k in decorator.keywords
                                                 if k.arg == "argvalues")]  # fmt: skip
                if any(self._is_empty(values) for values in given):
                    return True
        return False

    def _is_empty(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            constant = self.sources.constant(self.source, node.id)
            return constant is not None and self._is_empty(constant)
        if isinstance(node, ast.Call):
            return (
                dotted(node.func) in ("list", "tuple", "set", "dict")
                and not node.args
                and (not node.keywords)
            )
        if isinstance(node, ast.Dict):
            return not node.keys
        return isinstance(node, ast.List | ast.Tuple | ast.Set) and not node.elts

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
        mocks = _mocks_of(node)
        fixed = _fixed_in(node)
        for part in self._live(node):
            if part in swallowed:
                continue
            if isinstance(part, ast.Assert):
                if _is_mock_answer(part.test, mocks) or _is_of_own(part.test, fixed):
                    continue
                if not self._is_constant(part.test):
                    return True
            elif isinstance(part, ast.Raise) or (
                isinstance(part, ast.Call) and self._call_asserts(part, cls, depth, seen)
            ):
                return True
        return False

    def _live(self, node: AnyDef) -> Iterator[ast.AST]:
        """The nodes of a function that can run: nothing behind a `return`, no uncalled helper."""
        used = {n.id for n in walk(node) if isinstance(n, ast.Name)}
        stack: list[ast.AST] = [node]
        while stack:
            current = stack.pop()
            yield current
            if isinstance(current, ast.If | ast.While) and truth(current.test) is False:
                stack.extend(current.orelse)
                continue
            if isinstance(current, ast.For | ast.AsyncFor) and self._is_empty(current.iter):
                stack.extend(current.orelse)
                continue
            for name, value in ast.iter_fields(current):
                if name == "decorator_list":
                    continue
                parts = value if isinstance(value, list) else [value]
                for part in parts:
                    if not isinstance(part, ast.AST):
                        continue
                    named = isinstance(part, AnyDef) and part is not node
                    if not (named and part.name not in used and not part.decorator_list):  # type: ignore[attr-defined]
                        stack.append(part)
                    if isinstance(part, ast.Return | ast.Raise | ast.Continue | ast.Break):
                        break

    @staticmethod
    def _swallowed(node: AnyDef) -> set[ast.AST]:
        """What stands in a `try` that takes a failed assertion for nothing."""
        found: set[ast.AST] = set()
        for part in walk(node):
            if isinstance(part, ast.With | ast.AsyncWith) and any(
                _takes_failures(item.context_expr) or _expects_own(item, part)
                for item in part.items
            ):
                found.update(walk(part))
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


_MOCKS = re.compile(r"(?:Magic|Async|NonCallable|NonCallableMagic|Property)?Mock|create_autospec")
# what a mock says of itself; anything else on it is another mock, which is true
_MOCK_SAYS = frozenset(
    """called call_count call_args call_args_list mock_calls method_calls await_count await_args
    await_args_list awaited return_value side_effect has_calls""".split()
)


def _takes_failures(node: ast.expr) -> bool:
    """`suppress(AssertionError)`, `suppress(Exception)`: a failed assertion is none there."""
    return (
        isinstance(node, ast.Call)
        and last(node.func) == "suppress"
        and any(last(a) in ("AssertionError", "Exception", "BaseException") for a in node.args)
    )


def _expects_own(item: ast.withitem, block: ast.With | ast.AsyncWith) -> bool:
    """`with raises(Exception): raise Exception()`: the test expects what it does itself."""
    call = item.context_expr
    if not (isinstance(call, ast.Call) and last(call.func) in ("raises", "assertRaises")):
        return False
    return all(isinstance(s, ast.Raise | ast.Pass) for s in block.body)


def _mocks_of(node: AnyDef) -> set[str]:
    """Local names of mocks."""
    found: set[str] = set()
    for part in walk(node):
        value: ast.expr | None = None
        targets: list[ast.expr] = []
        if isinstance(part, ast.Assign):
            value, targets = part.value, part.targets
        elif isinstance(part, ast.withitem) and part.optional_vars is not None:
            value, targets = part.context_expr, [part.optional_vars]
        if isinstance(value, ast.Call) and (
            _MOCKS.fullmatch(last(value.func)) or dotted(value.func).endswith("mocker.patch")
        ):
            found |= {dotted(t) for t in targets if dotted(t)}
    return found


def _is_mock_answer(test: ast.expr, mocks: set[str]) -> bool:
    """Whether an assertion is about a mock's answer to anything: a mock, which is true."""
    node, called = test, False
    chain: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call):
        called = called or isinstance(node, ast.Call)
        if isinstance(node, ast.Attribute):
            chain.append(node.attr)
            node = node.value
        else:
            node = node.func
    if not (isinstance(node, ast.Name) and node.id in mocks and chain):
        return False
    return not any(name in _MOCK_SAYS or name.startswith("assert_") for name in chain)


def _fixed_in(node: AnyDef) -> dict[str, ast.expr]:
    """Local names that are bound once, to a value spelled out, and never changed."""
    bound: dict[str, list[ast.expr]] = {}
    for part in walk(node):
        if isinstance(part, ast.Assign) and len(part.targets) == 1:
            bound.setdefault(dotted(part.targets[0]), []).append(part.value)
    stored = {
        name: sum(
            isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
            for n in walk(node)
        )
        for name in bound
    }
    given: set[str] = set()  # whoever is handed a value, or has its method, may change it
    for part in walk(node):
        handed: list[ast.expr] = []
        if isinstance(part, ast.Call):
            handed = [*part.args, *(k.value for k in part.keywords)]
        elif isinstance(part, ast.Attribute | ast.Subscript):
            handed = [part.value]
        given |= {n.id for n in handed if isinstance(n, ast.Name)}
    return {
        name: values[0]
        for name, values in bound.items()
        if name and len(values) == 1 and stored[name] == 1 and name not in given
    }


def _is_of_own(test: ast.expr, fixed: dict[str, ast.expr]) -> bool:
    """Whether an assertion only compares values that the test itself has written down."""
    if not (isinstance(test, ast.Compare) and fixed):
        return False
    for side in (test.left, *test.comparators):
        value = fixed.get(side.id) if isinstance(side, ast.Name) else side
        if value is None:
            return False
        try:
            ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return False
    return True
