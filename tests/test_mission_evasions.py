"""Evasions and look-alikes of the rules about paths, commands, addresses and secrets."""

from __future__ import annotations

import pytest

from govlint.documents.missions import secrets
from govlint.documents.missions.addresses import target_fault
from govlint.documents.missions.commands import danger
from govlint.documents.missions.paths import escape

BAD_PATHS: list[str] = [
    "../a",
    "a/../../b",
    "/etc/passwd",
    "~/x",
    "~root/x",
    "C:\\x",
    "c:x",
    "%2e%2e/a",
    "%252e%252e/a",
    "\uff0e\uff0e/a",
    "..\\a",
    "a\\..\\..\\b",
    "file:///etc",
    "\\\\host\\s",
    "a/./../../b",
    "..%2fa",
    "{{env.A}}/../../../x",
    "%2fetc/passwd",
    " ../a",
    "a\x00b",
]
GOOD_PATHS: list[str] = [
    "a..b",
    "..hidden/x",
    "out/../a.txt",
    "a%20b",
    "...",
    "a/...",
    "./a",
    "a/~b",
    "x~",
    "{{env.A}}/b",
    "file.txt",
    "a//b",
    "a b/c",
    "~$doc.docx",
    "backup~/x",
    "2024-01-01T10:00.txt",
]
BAD_COMMANDS: list[tuple[str, list[str] | None]] = [
    ("rm", ["-rf", "/"]),
    ("rm", ["-fr", "~"]),
    ("bash", ["-c", "ls"]),
    ("sh", ["-lc", "x"]),
    ("/bin/sh", ["-c", "x"]),
    ("env", ["A=1", "sh", "-c", "x"]),
    ("sudo", ["ls"]),
    ("ls; rm x", None),
    ("ls && x", []),
    ("python3.11", ["-c", "x"]),
    ("python", ["-Ic", "x"]),
    ("node", ["--eval=x"]),
    ("perl", ["-ne", "x"]),
    ("dd", ["of=/dev/sda"]),
    ("mkfs.ext4", ["/dev/sda"]),
    ("timeout", ["5", "bash", "-c", "x"]),
    ("xargs", ["rm", "-rf"]),
    ("find", [".", "-delete"]),
    ("chmod", ["-R", "777", "/"]),
    ("git", ["push", "-f"]),
    ("powershell", ["-enc", "x"]),
    ("cmd.exe", ["/c", "x"]),
    ("busybox", ["sh", "-c", "x"]),
    ("echo $(id)", None),
    ("nohup", ["sudo", "x"]),
    ("shutdown", ["now"]),
    ("ruby", ["-rnet", "-e", "x"]),
    ("dash", ["-c", "x"]),
]
GOOD_COMMANDS: list[tuple[str, list[str] | None]] = [
    ("echo", ["a; b && rm -rf /"]),
    ("git", ["commit", "-m", "rm -rf / && x"]),
    ("python", ["run.py", "-c", "cfg"]),
    ("bash", ["build.sh"]),
    ("grep", ["-c", "x", "f"]),
    ("gcc", ["-c", "a.c"]),
    ("rm", ["build/a.o"]),
    ("chmod", ["644", "a"]),
    ("git", ["push", "origin", "main"]),
    ("make", ["clean"]),
    ("cargo", ["test"]),
    ("find", [".", "-name", "*.py"]),
    ("npm", ["run", "format"]),
    ("echo", ["$HOME"]),
    ("awk", ["{print $1}", "f"]),
    ("kubectl", ["get", "pods"]),
    ("docker", ["build", "."]),
    ("python", ["-m", "pytest", "-c", "x.ini"]),
    ("dd", ["if=a", "of=b.img"]),
    ("test", ["-f", "x"]),
    ("tar", ["-czf", "a.tgz", "out"]),
]
BAD_HOSTS: list[str] = [
    "169.254.169.254",
    "0xa9fea9fe",
    "2852039166",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "::ffff:a9fe:a9fe",
    "fe80::1",
    "fe80::1%eth0",
    "metadata.google.internal",
    "METADATA.GOOGLE.INTERNAL.",
    "169.254.1.1",
    "fd00:ec2::254",
    "169.254.169.254.nip.io",
    "100.100.100.200",
    "\uff11\uff16\uff19.254.169.254",
    "169.16689662",
    "a9fea9fe.nip.io",
    "64:ff9b::a9fe:a9fe",
]
GOOD_HOSTS: list[str] = [
    "example.com",
    "127.0.0.1",
    "10.0.0.1",
    "localhost",
    "metadata.example.com",
    "169.253.1.1",
    "169.255.1.1",
    "2001:db8::1",
    "::1",
    "fec0::1",
    "8.8.8.8",
    "1.2.3.4.nip.io",
    "api.metadata.io",
    "host-169-254-1-1.example.com",
    "100.100.100.201",
]
BAD_SECRETS: list[tuple[str, str]] = [
    ("password", "hunter2"),
    ("apiKey", "abc123def"),
    ("Authorization", "Bearer abcdefgh12"),
    ("x", "ghp_aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3"),
    ("db_password", "p@ss"),
    ("url", "postgres://u:s3cret@h/d"),
    ("token", "12345abc"),
    ("x", "AKIAZQ3DRSTUVWXY2345"),
    ("client_secret", "zzz9"),
    ("X-Api-Key", "k3j4h5"),
    ("url", "https://h/?api_key=a8s7d6f"),
    ("secretKey", "q1w2e3"),
    ("PASSWORD", "Tr0ub4dor"),
    ("pwd", "qwerty"),
    ("x", "-----BEGIN RSA PRIVATE KEY-----\nabc"),
]
GOOD_SECRETS: list[tuple[str, str]] = [
    ("password", "{{env.PW}}"),
    ("max_tokens", "400"),
    ("token_count", "12"),
    ("password", "<password>"),
    ("api_key", "YOUR_API_KEY"),
    ("token", "$TOKEN"),
    ("password_field", "pw"),
    ("next_token", "abc"),
    ("url", "https://h/a?b=c"),
    ("secret_name", "prod-db"),
    ("Authorization", "Bearer {{env.T}}"),
    ("url", "postgres://u:{{env.P}}@h/d"),
    ("password", "changeme"),
    ("tokenizer", "gpt2"),
    ("token_type", "bearer"),
    ("keyboard", "us"),
    ("private_key_path", "a/b.pem"),
    ("api_key", "xxxxxxxx"),
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_bad_path(path: str) -> None:
    assert escape(path) is not None


@pytest.mark.parametrize("path", GOOD_PATHS)
def test_good_path(path: str) -> None:
    assert escape(path) is None


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_bad_host(host: str) -> None:
    assert target_fault(host) is not None


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_good_host(host: str) -> None:
    assert target_fault(host) is None


@pytest.mark.parametrize(("command", "arguments"), BAD_COMMANDS)
def test_bad_command(command: str, arguments: list[str] | None) -> None:
    assert danger(command, arguments) is not None


@pytest.mark.parametrize(("command", "arguments"), GOOD_COMMANDS)
def test_good_command(command: str, arguments: list[str] | None) -> None:
    assert danger(command, arguments) is None


@pytest.mark.parametrize(("name", "value"), BAD_SECRETS)
def test_bad_secret(name: str, value: str) -> None:
    found = bool([*secrets.in_text(value)] or secrets.under_name(name, value))
    assert found is True


@pytest.mark.parametrize(("name", "value"), GOOD_SECRETS)
def test_good_secret(name: str, value: str) -> None:
    found = bool([*secrets.in_text(value)] or secrets.under_name(name, value))
    assert found is False
