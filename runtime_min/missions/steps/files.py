"""Files: create, edit, delete, copy, move, read, list, search. All inside the workspace."""

from __future__ import annotations

from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, ValidationFailed
from runtime_min.missions.steps import Parameters, StepContext

_CHUNK = 1 << 20


def create_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Write a text file in UTF-8, in place of what is there; folders are made."""
    data = (given.get("content") or "").encode()
    context.workspace.write(given["path"], data, _mode(given.get("mode")))
    return {"path": given["path"], "size": len(data), "created": True}


def edit_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Replace a file's text, or append to it; `backup` keeps what was there in `PATH.bak`.

    What was there is bytes, not text: appending changes none of it, whatever its encoding.
    """
    path, content = given["path"], given.get("content")
    there = context.workspace.exists(path)
    before = context.workspace.read(path, context.most_bytes) if there else b""
    if content is None:
        if not there:
            raise CapabilityFailed(f"{path!r} is not there, and there is no content", "no-file")
        return {"path": path, "size": len(before), "modified": False}
    if given.get("backup") and there:
        context.workspace.write(f"{path}.bak", before)
    data = before + content.encode() if given.get("append") else content.encode()
    context.workspace.write(path, data)
    return {"path": path, "size": len(data), "modified": data != before or not there}


def delete_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Remove one file; that there was none is no failure."""
    existed = context.workspace.remove(given["path"])
    return {"path": given["path"], "existed": existed, "deleted": existed}


def copy_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Copy one file's bytes; the copy is there whole or not at all."""
    size = 0
    source, destination = given["source"], given["destination"]
    with context.workspace.open(source) as old, context.workspace.writing(destination) as new:
        while chunk := old.read(_CHUNK):
            context.left()
            size += new.write(chunk)
            if size > context.limits.file_bytes:
                raise CapabilityFailed(f"{source!r} is larger than may be written", "too-large")
    return {"source": source, "destination": destination, "size": size}


def move_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Give a file another name."""
    context.workspace.move(given["source"], given["destination"])
    return {"source": given["source"], "destination": given["destination"], "moved": True}


def read_file(context: StepContext, given: Parameters) -> dict[str, Any]:
    """A UTF-8 file's text; a byte order mark is taken off."""
    data = context.workspace.read(given["path"], context.most_bytes)
    return {"path": given["path"], "content": text_of(data, given["path"]), "size": len(data)}


def list_directory(context: StepContext, given: Parameters) -> dict[str, Any]:
    """What stands directly below a folder, by name."""
    listed = context.workspace.entries(given["path"], context.most_entries)
    entries = [
        {"name": each.name, "path": each.path, "is_dir": each.is_folder, "size": each.size}
        for each in listed
    ]
    return {"path": given["path"], "entries": entries, "count": len(entries)}


def file_search(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Files below a folder that hold the pattern as text, or in their name.

    Each result has the lines of its hits, at most 100 (spec 002: "content-based file searching").
    """
    pattern = given["pattern"]
    wanted = pattern.encode()
    results = []
    for entry in context.workspace.files(given["path"], context.most_entries):
        context.left()
        found: list[dict[str, Any]] = []
        if entry.size <= context.most_bytes:
            data = context.workspace.read(entry.path, context.most_bytes)
            if wanted in data and b"\0" not in data[:8192]:
                for number, line in enumerate(data.split(b"\n"), start=1):
                    if wanted in line:
                        found.append(
                            {"line": number, "text": line.decode("utf-8", "replace")[:500]}
                        )
                        if len(found) == 100:
                            break
        if found or pattern in entry.name:
            results.append({"name": entry.name, "path": entry.path, "lines": found})
    return {"pattern": pattern, "results": results, "matches": len(results)}


def text_of(data: bytes, path: str) -> str:
    """Bytes as UTF-8 text; CapabilityFailed with the place of the first byte that is none."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CapabilityFailed(
            f"{path!r} is no UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}",
            "not-text",
        ) from None


def _mode(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise ValidationFailed(f"mode {text!r}: it has three octal digits, such as 644")
    return mode
