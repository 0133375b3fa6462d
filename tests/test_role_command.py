"""ROL005: what is a call and what is not, in every kind of text, and what is wrong with it."""

from __future__ import annotations

import pytest
from role_documents import findings, project, registry, role

from govlint.documents.document import Document
from govlint.documents.roles.command import parse
from govlint.documents.roles.tokens import split
from govlint.model import Finding, Severity

# a file, its text, the one line with a fault
CALLS = [
    ("a.sh", "@role ecosystem.ghost scan src/\n", 1),
    ("a.sh", "#!/bin/sh\nset -e\n@role ecosystem.scanner scan src/ --dept=3\n", 3),
    ("a.sh", "@role\n", 1),
    ("a.sh", "@role scanner scan src/\n", 1),
    ("a.sh", "@role Ecosystem.Scanner scan src/\n", 1),
    ("a.sh", "@role ecosystem.scanner scan 'src/\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ --depth=\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ --depth=deep\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ --depth=51\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ --depth 5\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ --dep-th=5\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ -v\n", 1),
    ("a.sh", "@role ecosystem.scanner scan\n", 1),
    ("a.sh", "@role ecosystem.scanner\n", 1),
    ("a.sh", "@role ecosystem.scanner frobnicate src/\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ lib/\n", 1),
    ("a.sh", "@role ecosystem.scanner --depth=5 src/\n", 1),
    ("a.sh", "if true; then @role ecosystem.ghost scan x; fi\n", 1),
    ("a.sh", "cd x && @role ecosystem.ghost scan x || exit 1\n", 1),
    ("a.sh", "echo hi\nfoo() {\n  @role ecosystem.ghost scan x\n}\n", 3),
    ("a.sh", "MNGA_DEBUG=1 @role ecosystem.ghost scan x\n", 1),
    ("a.sh", "out=$(@role ecosystem.ghost scan x)\n", 1),
    ("a.sh", "bash -c '@role ecosystem.ghost scan x'\n", 1),
    ("a.sh", "@role ecosystem.scanner scan \\\n  src/ \\\n  --bogus=1\n", 3),
    ("a.sh", "@role ecosystem.scanner validate x --strict_mode=yes\n", 1),
    ("a.sh", "@role ecosystem.scanner analyze x --level=extreme\n", 1),
    ("a.sh", "@role ecosystem.scanner analyze x --scope=drift,foo\n", 1),
    ("a.sh", '@role ecosystem.scanner analyze x --scope=["drift","foo"]\n', 1),
    ("a.sh", '@role ecosystem.scanner scan x --include=["*.py"\n', 1),
    ("a.sh", "@role ecosystem.scanner analyze x --level\n", 1),
    ("a.sh", 'python role_executor.py "@role ecosystem.ghost scan x"\n', 1),
    (
        "w.yml",
        "jobs:\n  a:\n    steps:\n      - name: x\n"
        '        run: "@role ecosystem.ghost validate contracts/"\n',
        5,
    ),
    (
        "w.yml",
        "jobs:\n  a:\n    steps:\n      - run: |\n          echo hi\n"
        "          @role ecosystem.scanner validate contracts/ --strct_mode=true\n",
        6,
    ),
    ("w.yml", "script:\n  - '@role ecosystem.scanner'\n", 2),
    ("w.yml", "x:\n  run: >-\n    @role ecosystem.ghost\n    scan src/\n", 3),
    ("w.yml", 'a: 1\n---\nrun: "@role ecosystem.ghost scan src/"\n', 3),
    ("p.json", '{"scripts": {"gov": "@role ecosystem.ghost scan src/"}}', 1),
    ("d.md", "text\n\n```bash\n@role ecosystem.ghost scan src/\n```\n", 4),
    ("d.md", "text `@role ecosystem.ghost scan src/` more\n", 1),
    ("d.md", "@role ecosystem.ghost scan src/\n", 1),
    ("d.md", "- item\n\n  ```sh\n  $ @role ecosystem.scanner scan src/ --nope=1\n  ```\n", 4),
    ("d.md", "```\n@role ecosystem.scanner scan src/ --nope=1\n```\n", 2),
    ("d.md", '```yaml\n- name: x\n  run: "@role ecosystem.ghost validate c/"\n```\n', 3),
    ("d.md", "```python\nrun('@role ecosystem.ghost validate c/')\n```\n", 2),
    ("d.md", "    @role ecosystem.ghost scan src/\n", 1),
    ("p.py", "import os\nos.system('@role ecosystem.ghost scan src/')\n", 2),
    ("p.py", "CMD = '@role ecosystem.scanner scan src/ --nope=1'\n", 1),
    ("p.py", "def f(p):\n    return f'@role ecosystem.scanner scan {p} --nope=1'\n", 2),
    ("p.py", "x = ['@role', 'ecosystem.ghost', 'scan', 'src/']\n", 1),
    ("p.py", "x = '@role ecosystem.ghost scan ' + path\n", 1),
    ("p.py", "x = '@role ecosystem.ghost scan %s' % path\n", 1),
    ("p.py", "x = '@role ecosystem.ghost scan {}'.format(path)\n", 1),
    ("p.py", "x = '''\necho hi\n@role ecosystem.scanner scan src/ --nope=1\n'''\n", 3),
    ("p.py", "execute_role('@role scanner scan src/')\n", 1),
    ("p.py", "os.system('cd x && @role ecosystem.ghost scan src/')\n", 1),
    ("p.py", "x = 'make; @role ecosystem.ghost scan src/'\n", 1),
    ("a.sh", "@role ecosystem.scanner scan src/ '--dept=3'\n", 1),
    ("w.yml", "command:\n  - '@role'\n  - ecosystem.ghost\n  - scan\n  - src/\n", 3),
    ("p.json", '{"args": ["@role", "ecosystem.scanner", "scan", "src/", "--nope=1"]}', 1),
    ("p.py", "x = ('@role ecosystem.scanner '\n     'scan src/ --nope=1')\n", 2),
    ("p.py", "def f():\n    '''Doc.\n\n    @role ecosystem.ghost scan src/\n    '''\n", 4),
    ("p.py", "x = '@role scanner scan src/'\n", 1),
    ("p.py", "x = '@role ecosystem/scanner scan src/'\n", 1),
    ("n.txt", "@role ecosystem.ghost scan src/\n", 1),
    ("a.sh", "case $1 in\n  a) @role ecosystem.ghost scan x ;;\nesac\n", 2),
    ("a.sh", "@role ecosystem.scanner scan x --scope=[drift]\n", 1),
    ("a.sh", "@role ecosystem.scanner scan x --ratio=half\n", 1),
    ("a.sh", "@role ecosystem.scanner 'scan me' too\n", 1),
    ("a.sh", "@role ecosystem.scanner scan x --level = high\n", 1),
    ("a.sh", "! @role ecosystem.ghost scan x\n", 1),
    ("w.yml", "run: >\n  @role ecosystem.ghost scan src/\n", 2),
    ("w.yml", "key: @role ecosystem.ghost scan src/\n", 1),
    ("p.py", "subprocess.run(args=['@role', 'ecosystem.scanner', 'scan', path, '--nope=3'])\n", 1),
    ("p.py", "x = '@role scanner scan src/ ' + '--depth=3'\n", 1),
    ("d.md", "Text\n\n> ```sh\n> @role ecosystem.ghost scan x\n> ```\n", 4),
    ("d.md", '```json\n{"run": "@role ecosystem.ghost scan x"}\n```\n', 2),
]

# a file and its text
NO_CALLS = [
    ("a.sh", "@role ecosystem.scanner ecosystem/\n"),
    ("a.sh", "@role ecosystem.scanner scan src/ '--depth=3'\n"),
    ("w.yml", "command: ['@role', ecosystem.scanner, scan, src/, --depth=3]\n"),
    ("w.yml", "reviewers: ['@role', '@team']\n"),
    # other things of that name, as they are met
    ("p.py", "nodes = tree.xpath(\"@role = 'warning' and not(@title)\")\n"),
    ("p.py", 'test = "@role and not(@xrefstyle) and $use.role != 0"\n'),
    ("p.py", "cursor.execute('''\n  EXEC sp_addrolemember\n    @role = 'db_owner'\n''')\n"),
    ("p.py", "run('''\nSET\n@role = 'db_owner'\n''')\n"),
    ("p.py", "prompt = '@role system\\nYou are a helpful assistant.'\n"),
    ("p.py", "interject('@role wait, do X instead')\n"),
    ("p.py", "x = '@role PROTOCOL'\n"),
    ("p.py", "send('@role Moderators please check rules.md')\n"),
    ("a.sh", "psql <<SQL\n@role = 'x'\n@role system\nSQL\n"),
    ("d.md", "```\n@role system\nYou are a helpful assistant.\n```\n"),
    ("d.md", "```\n@role = Role.find(params[:id])\n@role.save\n```\n"),
    ("d.md", "```ruby\n@role = Role.user\n```\n"),
    ("d.md", "The lexer recognizes `@role <name>` where `<name>` is `system` or `user`.\n"),
    ("d.md", "Use `@Role - Details - Emoji` or `@role name `.\n"),
    ("d.md", '| `@role "..."` | core | Prepended as `You are {role}` |\n'),
    ("d.md", "- `@role Assigner set-joinable <rolename> <true/false>` to set\n"),
    ("d.md", "So `@role lineman REQ faction=TRADES` resolved to a string\n"),
    ("w.yml", 'title: "@role values for SVG"\n'),
    ("w.yml", "query: |\n  SET\n  @role = 'x'\n"),
    ("n.txt", '@role "bot"\n@role DESTINATION\n'),
    ("a.sh", "@role ecosystem.scanner scan / --debug=true\n"),
    ("a.sh", "@role ecosystem.scanner scan / --debug\n"),
    ("a.sh", "@role ecosystem.scanner scan . --include=['*.yaml']\n"),
    ("a.sh", '@role ecosystem.scanner scan "my dir" --include=["*.py", "a b"] > out.json 2>&1\n'),
    ("a.sh", '@role "$ROLE" scan "$DIR"\n'),
    ("a.sh", '@role ecosystem.scanner scan "$DIR" $OPTS\n'),
    ("a.sh", "@role ecosystem.scanner validate --path=contracts/\n"),
    ("a.sh", "# @role ecosystem.ghost scan\n"),
    ("a.sh", 'echo "use the @role line"\n'),
    ("a.sh", 'echo "@role lines are checked"\n'),
    ("a.sh", "mail ops@role.example.com\n"),
    ("a.sh", "cat <<EOF\n@role is a keyword\nEOF\n"),
    ("a.sh", 'grep "@role" x\n'),
    ("a.sh", 'grep -n "@role " x | wc -l\n'),
    ("a.sh", 'echo "usage: @role <role-id> <input>"\n'),
    ("a.sh", "@role <role-id> <input> [options]\n"),
    ("a.sh", "@role ecosystem.scanner analyze x --scope=drift,all --level=high # note\n"),
    ("a.sh", '@role ecosystem.scanner validate x --schema_version="1.0.0" --strict_mode\n'),
    ("a.sh", "git log --author=@role\n"),
    ("a.sh", "@roles ecosystem.ghost scan\n"),
    ("CODEOWNERS.txt", "* @role-team\n/src @role @other\n"),
    ("d.md", "The @role syntax starts a role.\n"),
    ("d.md", "@role is the keyword of a call.\n"),
    ("d.md", "@role mentions notify everyone.\n"),
    ("d.md", "Ping @role when done, or write ops@role.io.\n"),
    ("d.md", "| Parser | Parse `@role` syntax, extract parameters | L0 |\n|---|---|---|\n"),
    ("d.md", "Parse `@role <role-id> <input> [options]`\n"),
    ("d.md", "`@role ecosystem.scanner` is the runner\n"),
    ("d.md", "@role ecosystem.scanner is the role that checks contracts.\n"),
    ("d.md", "```mermaid\ngraph TD\n    A[User: @role ecosystem.xxx] --> B[Parser L0]\n```\n"),
    ("d.md", "```python\n@role('admin')\ndef f(): ...\n```\n"),
    ("d.md", "```js\n/**\n * @role admin\n * @role ecosystem.ghost scan x\n */\n```\n"),
    ("d.md", '```html\n<div role="button" @role="x">\n```\n'),
    ("d.md", "```graphql\ntype Q @role(requires: ADMIN) { a: Int }\n```\n"),
    ("d.md", "<!-- @role ecosystem.ghost scan x -->\n"),
    ("d.md", "Discord: `@role everyone` pings.\n"),
    ("d.md", "```\n@role admin\n```\n"),
    ("d.md", "Use `@roles` and `@role-name`.\n"),
    ("p.py", "@role('admin')\ndef f(): pass\n"),
    ("p.py", "@role\ndef f(): pass\n"),
    ("p.py", "if line.startswith('@role'): pass\n"),
    ("p.py", "if line.startswith('@role '): pass\n"),
    ("p.py", "x = re.compile(r'@role\\s+(\\S+)')\n"),
    ("p.py", "raise ValueError('@role needs a name')\n"),
    ("p.py", "raise ValueError('@role ecosystem.scanner failed twice today')\n"),
    ("p.py", "x = f'@role {role} failed'\n"),
    ("p.py", "x = f'@role {role} scan {path}'\n"),
    ("p.py", "x = '@role ' + role + ' scan ' + path\n"),
    ("p.py", "# @role ecosystem.ghost scan x\n"),
    ("p.py", "def f():\n    '''Call it.\n\n    @role admin\n    @param x\n    '''\n"),
    ("p.py", "x = 'ops@role ecosystem.ghost scan'\n"),
    ("p.py", "def f():\n    '''The @role ecosystem.ghost thing.'''\n"),
    ("p.py", "xpath = \"//*[@role='button']\"\n"),
    ("p.py", "x = ' '.join(['@role', role, 'scan', path])\n"),
    ("w.yml", '- name: "@role lines are checked"\n  run: make\n'),
    ("w.yml", 'description: "@role is a keyword"\n'),
    ("w.yml", 'run: "@role ecosystem.scanner validate contracts/"\n'),
    (
        "w.yml",
        'run: "@role ecosystem.scanner validate x/ --schema_version=${{ github.ref_name }}"\n',
    ),
    ("w.yml", "run: |\n  @role ${{ matrix.role }} scan src/\n"),
    ("w.yml", '# run: "@role ecosystem.ghost x"\nrun: make\n'),
    ("w.yml", 'reviewers: ["@role"]\nassignee: "@role"\n'),
    ("w.yml", "email: a@role.org\n"),
    ("p.json", '{"a": "@role", "b": "see @role docs"}'),
    ("n.txt", "@role everyone please review\n"),
    ("d.md", "@role e.g. admin\n"),
    ("a.sh", "@role ecosystem.scanner scan x --ratio=0.5 --depth=007\n"),
    ("a.sh", "case $1 in\n  a) @role ecosystem.scanner scan x ;;\nesac\n"),
    ("w.yml", "run: |\n  cat <<'EOF'\n  @role is a keyword\n  EOF\n"),
    ("p.py", "x = ['@role', 'ecosystem.scanner', 'scan', path, '--depth=3']\n"),
    ("d.md", "> @role everyone\n"),
    ("test_calls.py", "parse('@role ecosystem.ghost scan x')\n"),
]


def found(path: str, text: str, known: bool = True) -> list[Finding]:
    roles = project(registry=registry("scanner"), scanner=role()) if known else []
    return findings("role_command", *roles, Document(path, text, "text", "text", None))


@pytest.mark.parametrize(("path", "text", "line"), CALLS)
def test_a_faulty_call_is_found_on_its_line(path: str, text: str, line: int) -> None:
    assert [finding.location.line for finding in found(path, text)] == [line]


@pytest.mark.parametrize(("path", "text"), NO_CALLS)
def test_good_calls_and_look_alikes_are_clean(path: str, text: str) -> None:
    assert [finding.message for finding in found(path, text)] == []


@pytest.mark.parametrize(("path", "text", "line"), CALLS)
def test_line_ends_and_indentation_change_nothing(path: str, text: str, line: int) -> None:
    crlf = text.replace("\n", "\r\n")
    assert [finding.location.line for finding in found(path, crlf)] == [line]


MESSAGES = [
    ("@role ecosystem.scaner scan x", "did you mean `ecosystem.scanner`?", (7, 23)),
    ("@role Ecosystem.Scanner scan x", "did you mean `ecosystem.scanner`?", (7, 24)),
    ("@role ecosystem.scanner scan", "needs `path`: the call has no input", (25, 29)),
    ("@role ecosystem.scanner scan x --depht=3", "did you mean `--depth`?", (32, 41)),
    ("@role ecosystem.scanner scan x --depth=0", "below the least that is accepted, 1", (40, 41)),
    ("@role ecosystem.scanner scan x --depth 3", "write `--depth=3`", (40, 41)),
    ("@role ecosystem.scanner scan x y", "`y` is a second input", (32, 33)),
    ("@role ecosystem.scanner walk x", "`walk` is no verb of this role", (25, 29)),
    ("@role ecosystem.scanner scan 'x", "the quote ' is not closed", (30, 31)),
    ("@role ecosystem.scanner scan x --include=[", "the bracket [ is not closed", (42, 43)),
    ("@role", "`@role` names no role", (1, 6)),
    ("@role ecosystem.scanner scan x --level", "needs a value: it is text", (32, 39)),
    ("@role ecosystem.scanner scan x --include=[a]", 'write ["a"]', (42, 45)),
    ("@role ecosystem.scanner --depth=3 x", "`x` stands behind an option", (35, 36)),
]


@pytest.mark.parametrize(("text", "said", "columns"), MESSAGES)
def test_a_message_says_what_to_write_and_where(
    text: str, said: str, columns: tuple[int, int]
) -> None:
    [finding] = found("a.sh", text + "\n")
    assert said in finding.message
    assert (finding.location.column, finding.location.end_column) == columns


def test_each_fault_of_a_call_is_told_once() -> None:
    text = "@role ecosystem.scanner scan x --depth=0 --nope --level=mid -v\n"
    assert len(found("a.sh", text)) == 4


def test_without_roles_only_the_grammar_is_judged() -> None:
    assert found("a.sh", "@role acme.deployer run x --any=1\n", known=False) == []
    assert len(found("a.sh", "@role acme.deployer run x y\n", known=False)) == 1
    assert len(found("a.sh", "@role acme.deployer run\n", known=False)) == 1
    assert len(found("a.sh", "@role acme.deployer\n", known=False)) == 1
    assert found("a.sh", "@role acme.deployer --target=x\n", known=False) == []


def test_a_registered_role_without_its_definition_is_judged_by_the_grammar() -> None:
    roles = project(registry=registry("scanner"))
    text = Document("a.sh", "@role ecosystem.scanner scan x --any=1\n", "text", "text", None)
    assert findings("role_command", *roles, text) == []


@pytest.mark.parametrize(
    ("status", "severity"), [("DISABLED", Severity.ERROR), ("DEPRECATED", Severity.NOTE)]
)
def test_calls_of_roles_that_are_not_active_are_found(status: str, severity: Severity) -> None:
    roles = project(registry=registry("scanner", scanner=status), scanner=role())
    text = Document("a.sh", "@role ecosystem.scanner scan x\n", "text", "text", None)
    [finding] = findings("role_command", *roles, text)
    assert status in finding.message and finding.severity is severity


def test_a_deprecated_option_is_a_note() -> None:
    old = role()
    old["inputs"]["parameters"]["depth"]["deprecated"] = True
    text = Document("a.sh", "@role ecosystem.scanner scan x --depth=3\n", "text", "text", None)
    [finding] = findings("role_command", *project(scanner=old), text)
    assert finding.severity is Severity.NOTE


def test_a_role_s_own_verbs_take_the_place_of_the_others() -> None:
    own = project(scanner=role(verbs=["sweep"]))
    for verb, count in (("sweep", 0), ("scan", 1)):
        text = Document("a.sh", f"@role ecosystem.scanner {verb} x/\n", "text", "text", None)
        assert len(findings("role_command", *own, text)) == count


def test_input_fills_the_first_required_parameter_that_no_option_names() -> None:
    two = role()
    two["inputs"]["parameters"]["limit"] = {"type": "integer", "required": True}
    for call, count in (
        ("x --limit=3", 0),
        ("3 --path=x", 0),
        ("many --path=x", 1),
        ("x", 1),
        ("--path=x --limit=3", 0),
    ):
        text = Document("a.sh", f"@role ecosystem.scanner scan {call}\n", "text", "text", None)
        assert len(findings("role_command", *project(scanner=two), text)) == count, call


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a \'b c\' "d\\"e"', ["a", "b c", 'd"e']),
        ("a\\ b --x='y z'", ["a b", "--x=y z"]),
        ('--x=["a b", "c"] d', ['--x=["a b", "c"]', "d"]),
        ("a # b", ["a"]),
        ("a | b", ["a"]),
        ("a 2>&1", ["a"]),
        ("a \\\n b\nc", ["a", "b"]),
        ("a <input> [options] ...", ["a", "<input>", "[options]", "..."]),
        ("$A ${B} $(c d) {{e}} {f} %s", ["\0"] * 6),
    ],
)
def test_words_are_split_as_a_shell_would(text: str, words: list[str]) -> None:
    assert [word.text for word in split(text).words] == words


def test_what_is_put_in_at_run_time_leaves_the_call_open() -> None:
    command = parse(split("$ROLE scan $ARGS --depth=$D --nope"), 0)
    assert command.role_id == "" and command.open and command.shape is None
    assert [(option.name, option.unknown) for option in command.options] == [
        ("depth", True),
        ("nope", False),
    ]


def test_no_text_makes_it_fail_or_hang() -> None:
    for text in (
        "@role " * 2000,
        "@role a.b " + "[" * 5000,
        "@role a.b " + "$(" * 3000,
        '@role a.b "' + "\\" * 4001,
        "`@role a.b" * 3000,
        "<<A\n" * 3000 + "@role a.b x\n",
        "@role a.b " + "{{" * 3000,
        "@role \0 \ud800 x",
    ):
        for path in ("a.sh", "a.md", "a.yml", "a.py", "a.txt", "a.json"):
            found(path, text)
