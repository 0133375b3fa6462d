"""Code: compile, test, format, lint, list functions, write documentation.

The tools of each language are those its users take; one that is not on the machine is a
failure that names it, never a success without work.
"""

from __future__ import annotations

import ast
import html
import shutil
import string
import sys
from collections.abc import Iterator
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, ValidationFailed
from runtime_min.missions.programs import Ended
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.control import run_program, said_of
from runtime_min.missions.steps.files import text_of

_PYTHON = sys.executable
_TOOLS: dict[str, dict[str, list[list[str]]]] = {
    "compile": {
        "rust": [["cargo", "check", "--quiet"]],
        "go": [["go", "build", "./..."]],
        "node": [["npm", "run", "--silent", "build"]],
        # -f: two versions of one second have the same time stamp
        "python": [[_PYTHON, "-m", "compileall", "-q", "-f", "."]],
    },
    "test": {
        "rust": [["cargo", "test", "--quiet"]],
        "go": [["go", "test", "./..."]],
        "node": [["npm", "test", "--silent"]],
        "python": [[_PYTHON, "-m", "pytest", "-q"], [_PYTHON, "-m", "unittest", "discover"]],
    },
    "format": {
        "rust": [["cargo", "fmt"]],
        "go": [["gofmt", "-w", "."]],
        "node": [["npx", "--no-install", "prettier", "--write", "."]],
        "python": [
            [_PYTHON, "-m", "ruff", "format", "--quiet", "."],
            [_PYTHON, "-m", "black", "--quiet", "."],
            ["ruff", "format", "--quiet", "."],
        ],
    },
    "lint": {
        "rust": [["cargo", "clippy", "--quiet"]],
        "go": [["go", "vet", "./..."]],
        "node": [["npx", "--no-install", "eslint", "."]],
        "python": [
            [_PYTHON, "-m", "ruff", "check", "."],
            [_PYTHON, "-m", "pyflakes", "."],
            ["ruff", "check", "."],
        ],
    },
}
_SUFFIXES = {"python": (".py", ".pyi")}
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def compile_code(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Compile what is below a folder; a compiler that complains is a failure."""
    return _judged(context, given, "compile")


def run_tests(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run the tests below a folder; one that fails is a failure."""
    return _judged(context, given, "test")


def lint_code(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Run the linter below a folder; what it finds is a failure."""
    return _judged(context, given, "lint")


def format_code(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Rewrite what is below a folder in its language's usual form."""
    language, ended = _tool(context, given, "format")
    if ended.code != 0:
        raise CapabilityFailed(f"the formatter {said_of(ended)}", "exit-code")
    return {"formatted": True, "language": language}


def extract_functions(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Name, place, parameters and first line of documentation of every function."""
    functions = []
    for path, tree in _modules(context, given):
        for name, node in _functions(tree):
            functions.append(
                {
                    "name": name,
                    "path": path,
                    "line": node.lineno,
                    "end_line": node.end_lineno,
                    "parameters": [*_parameters(node.args)],
                    "async": isinstance(node, ast.AsyncFunctionDef),
                    "doc": (ast.get_docstring(node) or "").partition("\n")[0],
                }
            )
    return {"functions": functions, "count": len(functions)}


def generate_docs(context: StepContext, given: Parameters) -> dict[str, Any]:
    """One Markdown page a module, from signatures and docstrings; `template` frames it.

    The template may hold $title, $body and $path; `output` is a folder (`docs`).
    """
    output = given.get("output") or "docs"
    template = None
    if given.get("template"):
        data = context.workspace.read(given["template"], context.most_bytes)
        template = string.Template(text_of(data, given["template"]))
    pages = []
    for path, tree in _modules(context, given):
        title = path.removesuffix(".py").replace("/", ".")
        body = "\n".join(_page(tree))
        text = f"# {title}\n\n{body}"
        if template is not None:
            shown = html.escape(title) if given["template"].endswith((".html", ".htm")) else title
            text = template.safe_substitute(title=shown, body=body, path=path)
        page = f"{output}/{title}.md"
        context.workspace.write(page, text.encode())
        pages.append(page)
    return {"output": output, "pages": pages}


def _judged(context: StepContext, given: Parameters, what: str) -> dict[str, Any]:
    _, ended = _tool(context, given, what)
    output = {"success": ended.code == 0, "stdout": ended.stdout, "stderr": ended.stderr}
    if ended.code != 0:
        raise CapabilityFailed(f"the {what} {said_of(ended)}", "exit-code", output=output)
    return output


def _tool(context: StepContext, given: Parameters, what: str) -> tuple[str, Ended]:
    """Run the first tool of the language that is there."""
    language = given.get("language") or _language(context, given["path"])
    tools = _TOOLS[what].get(language)
    if tools is None:
        known = ", ".join(_TOOLS[what])
        raise ValidationFailed(f"language {language!r}: there are {known}")
    for tool in tools:
        if _is_there(tool):
            return language, run_program(context, tool[0], tool[1:], given["path"])
    names = " or ".join(" ".join(tool[:3]) for tool in tools)
    raise CapabilityFailed(f"to {what} {language}, {names} has to be installed", "no-program")


def _is_there(tool: list[str]) -> bool:
    if tool[0] == _PYTHON and tool[1] == "-m":
        from importlib.util import find_spec

        return find_spec(tool[2]) is not None
    return shutil.which(tool[0]) is not None


def _language(context: StepContext, path: str) -> str:
    """The language that the folder's own files say; upstream takes rust."""
    for name, language in (
        ("Cargo.toml", "rust"),
        ("go.mod", "go"),
        ("package.json", "node"),
        ("pyproject.toml", "python"),
        ("setup.py", "python"),
    ):
        if context.workspace.exists(f"{path}/{name}"):
            return language
    for entry in context.workspace.entries(path, context.most_entries):
        if entry.name.endswith(_SUFFIXES["python"]):
            return "python"
    return "rust"


def _modules(context: StepContext, given: Parameters) -> Iterator[tuple[str, ast.Module]]:
    """Every Python module below a path, parsed; never imported."""
    language = given.get("language") or "python"
    if language != "python":
        raise CapabilityFailed(
            f"this runtime reads functions of python alone, not of {language}", "no-language"
        )
    path = given.get("path") or "."
    if context.workspace.is_folder(path):
        found = [
            entry.path
            for entry in context.workspace.files(path, context.most_entries)
            if entry.name.endswith(".py")
        ]
    else:
        found = [path]
    for name in found:
        context.left()
        data = context.workspace.read(name, context.most_bytes)
        try:
            yield name, ast.parse(data, name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise CapabilityFailed(f"{name!r} is no Python: {error}", "not-python") from None


def _functions(node: ast.AST, within: str = "") -> Iterator[tuple[str, Any]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _FUNCTION | ast.ClassDef):
            name = f"{within}{child.name}"
            if isinstance(child, _FUNCTION):
                yield name, child
            yield from _functions(child, f"{name}.")
        elif not isinstance(child, ast.expr):
            yield from _functions(child, within)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    for argument in (*arguments.posonlyargs, *arguments.args):
        yield argument.arg
    if arguments.vararg:
        yield f"*{arguments.vararg.arg}"
    for argument in arguments.kwonlyargs:
        yield argument.arg
    if arguments.kwarg:
        yield f"**{arguments.kwarg.arg}"


def _page(tree: ast.Module) -> Iterator[str]:
    if doc := ast.get_docstring(tree):
        yield f"{doc}\n"
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            bases = ", ".join(ast.unparse(base) for base in node.bases)
            yield f"## class `{node.name}{f'({bases})' if bases else ''}`\n"
            yield f"{ast.get_docstring(node) or ''}\n"
            for child in node.body:
                if isinstance(child, _FUNCTION) and not child.name.startswith("_"):
                    yield from _function(child, "###")
        elif isinstance(node, _FUNCTION) and not node.name.startswith("_"):
            yield from _function(node, "##")


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, mark: str) -> Iterator[str]:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    yield f"{mark} `{node.name}({ast.unparse(node.args)}){returns}`\n"
    yield f"{ast.get_docstring(node) or ''}\n"
