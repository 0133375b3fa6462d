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
