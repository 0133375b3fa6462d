"""The machine: programs that go on, what is used, who answers, archives."""

from __future__ import annotations

import tarfile
import zipfile
from contextlib import suppress
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions import programs
from runtime_min.missions.steps import Parameters, StepContext

_CHUNK = 1 << 20


def process_start(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Start a program that goes on; it ends with the mission at the latest."""
    if context.processes is None:
        raise Refused("programs that go on are not allowed here", "program-refused")
    found = programs.find(given["command"], context.programs)
    with context.workspace.folder(given.get("working_dir") or ".") as folder:
        arguments = [found, *(given.get("args") or [])]
        process = programs.start(arguments, folder, limits=context.limits, quiet=True)
    context.processes.add(process)
    return {"command": given["command"], "pid": process.pid, "started": True}


def process_kill(context: StepContext, given: Parameters) -> dict[str, Any]:
    """End a program that this mission has started, with all that it started itself."""
    process = context.processes.get(given["pid"]) if context.processes else None
    if process is None:
        raise Refused(f"the mission started no process {given['pid']}", "program-refused")
    running = process.poll() is None
    programs.stop(process)
    return {"pid": given["pid"], "killed": running}


def monitor_resources(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Processor, memory and disk of this machine, over a tenth of a second."""
    import psutil

    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(context.workspace.root))
    return {
        "cpu_usage_percent": psutil.cpu_percent(min(0.1, context.left())),
        "cpu_count": psutil.cpu_count() or 1,
        "memory": {
            "total_bytes": memory.total,
            "used_bytes": memory.used,
            "free_bytes": memory.available,
            "usage_percent": memory.percent,
        },
        "disk": {
            "total_bytes": disk.total,
            "used_bytes": disk.used,
            "free_bytes": disk.free,
            "usage_percent": disk.percent,
        },
    }


def service_health(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Whether a service takes a TCP connection; `service` is a host, or a label of this machine."""
    service, port = given["service"], given.get("port") or 80
    host = service if "." in service or ":" in service or service == "localhost" else "localhost"
    with suppress(CapabilityFailed):
        deadline = min(context.deadline, context.deadline - context.left() + 5)
        context.network.connect(host, port, deadline).close()
        return {"service": service, "port": port, "healthy": True}
    context.left()
    return {"service": service, "port": port, "healthy": False}


def compress(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Archive a folder or file as zip, tar or tar.gz; links and devices are left out."""
    source, destination = given["source"], given["destination"]
    kind = given.get("format") or "tar"
    if kind not in ("tar", "zip", "tar.gz", "tgz"):
        raise ValidationFailed(f"format {kind!r}: there are tar, tar.gz and zip")
    space = context.workspace
    names = [source]
    if space.is_folder(source):
        names = [entry.path for entry in space.files(source, context.most_entries)]
    names = [name for name in names if name != destination]
    size = 0
    with space.writing(destination) as file:
        if kind == "zip":
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in names:
                    size += _into_zip(context, archive, name)
        else:
            with tarfile.open(fileobj=file, mode="w:" if kind == "tar" else "w:gz") as archive:
                for name in names:
                    size += _into_tar(context, archive, name)
    return {
        "source": source,
        "destination": destination,
        "format": kind,
        "compressed": True,
        "files": len(names),
        "size": size,
    }


def _into_zip(context: StepContext, archive: zipfile.ZipFile, name: str) -> int:
    size = 0
    with context.workspace.open(name) as file, archive.open(name, "w", force_zip64=True) as entry:
        while chunk := file.read(_CHUNK):
            context.left()
            size += entry.write(chunk)
    return size


def _into_tar(context: StepContext, archive: tarfile.TarFile, name: str) -> int:
    import os

    with context.workspace.open(name) as file:
        status = os.fstat(file.fileno())
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = (
            status.st_size,
            status.st_mtime,
            status.st_mode & 0o777,
        )
        context.left()
        archive.addfile(entry, file)
    return status.st_size
