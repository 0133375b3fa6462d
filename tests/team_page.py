"""A rule page as a team writes one, for tests to load and to damage."""

NAME = "ACM001-run-outside.md"
PAGE = """\
---
id: ACM001
name: run-outside
severity: warning
since: 1.2.3
check: dynamic-dispatch
params: {undecided: warning}
spec: "handbook, page 7"
---

# Nobody runs a plugin by a computed name

Because the gate does not see it.

### More

It is not counted either.

## How to fix

Call the gate.

## Invalid

```python
class BasePlugin:
    def run(self, payload): ...


def start(plugin: BasePlugin, name, payload):
    return getattr(plugin, name)(payload)  # expect: ACM001
```

## Valid

```python
class BasePlugin:
    def run(self, payload): ...


def start(runner, plugin: BasePlugin, payload):
    return runner.start(plugin, payload)
```
"""

# single changes to it, each a fault
FAULTS: dict[str, tuple[str, str, str, str]] = {
    # name: (what is replaced, by what, text of the line named ('' = line 1), what is said)
    "no front matter": ("---\nid: ACM001\n", "id: ACM001\n", "", "begins with front matter"),
    "front matter open": ('"\n---\n', '"\n', "", "no closing"),
    "no YAML": ("since: 1.2.3", "since: [1.2.3", "check: dynamic", "no YAML"),
    "a list": (PAGE[4 : PAGE.index("---", 4)], "- x\n", "- x", "mapping of keys"),
    "unknown key": ("spec:", "specs:", "specs:", "did you mean `spec`?"),
    "key twice": ("since: 1.2.3", "since: 1.2.3\nsince: 1.2.4", "since: 1.2.4", "stands twice"),
    "alias": ("params: {", "params: &a {a: 1}\nspec: *a\nx: {", "spec: *a", "aliases"),
    "deep": ("{undecided: w", "[" * 30 + "w", "params:", "nested more than 20 deep"),
    "merge key": ("spec:", "<<: {id: ACM001}\nspec:", "<<:", "merge key"),
    "wrong id": ("id: ACM001", "id: ACM01", "id: ACM01", "three capitals"),
    "other digits": ("id: ACM001", "id: ACM٠٠١", "id: ACM٠٠١", "three capitals"),
    "wrong name": ("name: run-outside", "name: Run_Outside", "name: Run", "lower-case words"),
    "wrong severity": ("severity: warning", "severity: fatal", "severity:", "note, warning, error"),
    "loud severity": ("severity: warning", "severity: WARNING", "severity:", "note, warning"),
    "since a number": ("since: 1.2.3", "since: 1.2", "since: 1.2", "put it in quotes"),
    "since a word": ("since: 1.2.3", "since: soon", "since: soon", "a version such as"),
    "spec null": ('spec: "handbook, page 7"', "spec:", "spec:", "`spec` is text"),
    "other file name": ("id: ACM001", "id: ACM002", "id: ACM002", "is named ACM002-run-outside"),
    "params a list": ("{undecided: warning}", "[1]", "params:", "mapping of names"),
    "bad tag": ("since: 1.2.3", "since: !!timestamp x", "id: ACM001", "its tag does not fit"),
    "python tag": ("since: 1.2.3", "since: !!python/name:os.system", "since:", "no YAML"),
    "unknown check": ("dynamic-dispatch", "dynamic-dispach", "check:", "mean `dynamic-dispatch`"),
    "unknown param": ("undecided: w", "undecidde: w", "params:", "did you mean `undecided`?"),
    "param type": ("undecided: warning", "undecided: 3", "params:", "is str, found int 3"),
    "builtin params": ("dynamic-dispatch", "syntax", "params:", "takes no params"),
    "no title": ("# Nobody", "Nobody", "", "a page has a title"),
    "two titles": ("### More", "# More", "# More", "found a second"),
    "unknown section": ("## How to fix", "## How to repair", "## How to repair", "How to fix"),
    "section twice": ("## Valid", "## Invalid", "## Invalid", "stands twice"),
    "no why": (PAGE[PAGE.index("Because") : PAGE.index("## How")], "", "", "does not say why"),
    "empty fix": ("Call the gate.\n", "", "## How to fix", "is empty"),
    "no code": (PAGE[PAGE.rindex("```python") :], "Nothing.\n", "## Valid", "no code block"),
    "open block": ("start(plugin, payload)\n```", "x()", "```python", "never closed"),
    "bad mark": ("expect: ACM001", "expect: acm1", "# expect: acm1", "names codes such as"),
    "no mark": ("  # expect: ACM001", "", "```python", "marks no line"),
    "mark in valid": ("start(plugin, payload)", "x() # expect: ACM001", "```python", "no finding"),
    "other's mark": ("expect: ACM001", "expect: GOV101", "```python", "marks no line with"),
    "language": ("```python", "```ruby", "```ruby", "found ruby"),
    "attribute": ("```python", '```python name="x.py"', "```python name", "takes `title"),
    "title outside": ("```python", '```python title="../x.py"', "```python t", "no relative path"),
    "title absolute": ("```python", '```python title="/x.py"', "```python t", "no relative path"),
    "title drive": ("```python", '```python title="c:x.py"', "```python t", "no relative path"),
    "indented block": ("## Valid\n", "## Valid\n\n    x = 1\n", "    x = 1", "not indented"),
    "block in a list": ("## Valid\n", "## Valid\n\n- ```python\n  ```\n", "- ```python", "no list"),
    "two files": (
        "## Valid\n",
        '## Valid\n\n```py title="a.py"\n```\n```py title="a.py"\n```\n',
        '```py title="a.py"',
        "two files named a.py",
    ),
    "file and folder": (
        "## Valid\n",
        '## Valid\n\n```py title="a"\n```\n```py title="a/b.py"\n```\n',
        '```py title="a/b.py"',
        "a file and a folder",
    ),
}  # fmt: skip
