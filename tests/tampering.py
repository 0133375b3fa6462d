"""Attacks on a receipts folder by somebody who has every file and no key; each changes something.

`attacks` gives an endless, seeded stream of (name, files); a file that is None is taken away.
The folder attacked is `Target`: two runs of a tenant, payloads, a log, all signed.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from govlint.receipts.canonical import canonical
from govlint.receipts.keys import SigningKey
from govlint.receipts.merkle import leaf_hash, root_of
from govlint.receipts.notes import write_checkpoint
from govlint.receipts.sample import chained, receipt_leaf, sample_key, sealed

Files = dict[str, bytes]
Change = dict[str, bytes | None]
BUNDLE = ("events.jsonl", "checkpoint", "receipt.dsse.json", "tenant.tlog-proof")


@dataclass
class Target:
    """The folder as it was signed, and what else the attacker has: other runs and tenants."""

    files: Files
    runs: list[str]  # folders of the bundles
    foreign: list[Files]  # whole bundles of other tenants, by bundle file
    older: Files = field(default_factory=dict)  # signed heads from before, by file

    @cached_property
    def names(self) -> list[str]:
        return sorted(self.files)

    def bundle(self, run: str) -> Files:
        return {name: self.files[f"{run}/{name}"] for name in BUNDLE}

    def lines(self, run: str) -> list[bytes]:
        return self.files[f"{run}/events.jsonl"].splitlines(keepends=True)


def attacks(target: Target, seed: int) -> Iterator[tuple[str, Change]]:
    """Attacks without an end; each is checked to change a file."""
    chance = random.Random(seed)
    ways: list[tuple[int, Callable[[Target, random.Random], Change]]] = [
        (60, _edit_byte), (12, _insert_bytes), (12, _delete_bytes), (8, _truncate_file),
        (6, _delete_line), (6, _repeat_line), (8, _swap_lines), (6, _cut_tail), (8, _splice_line),
        (6, _move_line), (8, _replay_files), (4, _own_key), (4, _own_key_in_part), (4, _old_heads),
        (2, _delete_run), (2, _delete_file), (3, _add_file), (8, _edit_and_rechain),
        (6, _confuse_types),
        (4, _double_key), (6, _vary_base64), (4, _edit_receipt), (4, _edit_leaf), (3, _copy_run),
        (3, _append_line), (3, _line_ends),
    ]  # fmt: skip
    weights = [weight for weight, _ in ways]
    while True:
        _, way = chance.choices(ways, weights)[0]
        change = way(target, chance)
        real = {n: d for n, d in change.items() if target.files.get(n) != d}
        if real:
            yield way.__name__.strip("_"), real


# -- bytes -----------------------------------------------------------------------------------


def _edit_byte(target: Target, chance: random.Random) -> Change:
    name = chance.choice(target.names)
    data = bytearray(target.files[name])
    at = chance.randrange(len(data))
    if chance.random() < 0.5:
        data[at] ^= 1 << chance.randrange(8)
    else:
        data[at] = chance.choice(b'0123456789abcdef"{}[],:.\\ \n\r\t\x00\xffAZ+-/=')
    return {name: bytes(data)}


def _insert_bytes(target: Target, chance: random.Random) -> Change:
    name = chance.choice(target.names)
    data = target.files[name]
    at = chance.randrange(len(data) + 1)
    more = chance.choice(
        [b" ", b"\n", b"0", b"\x00", b"\xef\xbb\xbf", b"=", b"A", b",", b"\r", b"{}"]
    )
    return {name: data[:at] + more * chance.choice([1, 1, 1, 3, 100]) + data[at:]}


def _delete_bytes(target: Target, chance: random.Random) -> Change:
    name = chance.choice(target.names)
    data = target.files[name]
    at = chance.randrange(len(data))
    return {name: data[:at] + data[at + chance.choice([1, 1, 1, 2, 7, 64]) :]}


def _truncate_file(target: Target, chance: random.Random) -> Change:
    name = chance.choice(target.names)
    return {name: target.files[name][: chance.randrange(len(target.files[name]))]}


# -- lines -----------------------------------------------------------------------------------


def _a_file_of_lines(target: Target, chance: random.Random) -> tuple[str, list[bytes]]:
    names = [name for name in target.names if name.endswith(".jsonl") or chance.random() < 0.1]
    names = [name for name in names if target.files[name].count(b"\n") > 1] or [
        f"{target.runs[0]}/events.jsonl"
    ]
    name = chance.choice(names)
    return name, target.files[name].splitlines(keepends=True)


def _delete_line(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    del lines[chance.randrange(len(lines))]
    return {name: b"".join(lines)}


def _repeat_line(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
    return {name: b"".join(lines)}


def _swap_lines(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return {name: b"".join(lines)}


def _move_line(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    return {name: b"".join(lines)}


def _cut_tail(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    return {name: b"".join(lines[: chance.randrange(len(lines))])}


def _splice_line(target: Target, chance: random.Random) -> Change:
    run = chance.choice(target.runs)
    lines = target.lines(run)
    others = [target.lines(other) for other in target.runs if other != run]
    others += [files["events.jsonl"].splitlines(keepends=True) for files in target.foreign]
    other = chance.choice(others)
    at = chance.randrange(min(len(lines), len(other)))
    lines[at : at + chance.choice([0, 1, 1, 99])] = other[at : at + chance.choice([1, 1, 99])]
    return {f"{run}/events.jsonl": b"".join(lines)}


def _append_line(target: Target, chance: random.Random) -> Change:
    run = chance.choice(target.runs)
    lines = target.lines(run)
    event = json.loads(lines[-1])
    event["type"] = chance.choice(["note.recorded", "run.completed"])
    event["note"] = "more"
    return {f"{run}/events.jsonl": b"".join(lines) + canonical(event) + b"\n"}


def _line_ends(target: Target, chance: random.Random) -> Change:
    name, lines = _a_file_of_lines(target, chance)
    end = chance.choice([b"\r\n", b"\r", b"", b"\n\n", b" \n"])
    at = chance.randrange(len(lines))
    lines[at] = lines[at].rstrip(b"\n") + end
    return {name: b"".join(lines)}


# -- files and runs --------------------------------------------------------------------------


def _replay_files(target: Target, chance: random.Random) -> Change:
    """Any of a bundle's files from another run or tenant, up to all of them."""
    run = chance.choice(target.runs)
    others = [target.bundle(other) for other in target.runs if other != run] + target.foreign
    other = chance.choice(others)
    chosen = chance.sample(BUNDLE, chance.randrange(1, len(BUNDLE) + 1))
    return {f"{run}/{name}": other[name] for name in chosen}


def _copy_run(target: Target, chance: random.Random) -> Change:
    """A run a second time, under another name."""
    run = chance.choice(target.runs)
    folder = run.rpartition("/")[0]
    return {f"{folder}/r-copy/{name}": data for name, data in target.bundle(run).items()}


def _old_heads(target: Target, chance: random.Random) -> Change:
    """Heads that the true key signed when there was less, with the log of now or cut to fit."""
    name = chance.choice(sorted(target.older))
    change: Change = {name: target.older[name]}
    if chance.random() < 0.5 and name.endswith("/checkpoint") and "/runs/" in name:
        lines = target.lines(name.rpartition("/")[0])
        change[f"{name.rpartition('/')[0]}/events.jsonl"] = b"".join(
            lines[: chance.randrange(len(lines))]
        )
    return change


def _delete_run(target: Target, chance: random.Random) -> Change:
    run = chance.choice(target.runs)
    change: Change = {name: None for name in target.names if name.startswith(f"{run}/")}
    if chance.random() < 0.5:  # and its line in the log
        log = f"{run.rpartition('/runs/')[0]}/log.jsonl"
        word = f'"run":"{run.rpartition("/")[2]}"'.encode()
        kept = [line for line in target.files[log].splitlines(keepends=True) if word not in line]
        change[log] = b"".join(kept)
    return change


def _delete_file(target: Target, chance: random.Random) -> Change:
    names = [n for n in target.names if not n.endswith(".salt") and "/sha256/" not in n]
    return {chance.choice(names): None}


def _add_file(target: Target, chance: random.Random) -> Change:
    run = chance.choice(target.runs)
    name = chance.choice(["notes.txt", "events.jsonl~", ".hidden", "trust.policy", "payloads/x",
                          f"payloads/sha256/{'0' * 64}", "events.jsonl.1"])  # fmt: skip
    return {f"{run}/{name}": b"x"}


# -- what a thief of files can compute ---------------------------------------------------------


def _events(target: Target, run: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in target.lines(run)]


def _own_key(target: Target, chance: random.Random) -> Change:
    """Everything again, with a key of the attacker's under the log's name."""
    run = chance.choice(target.runs)
    events = _events(target, run)
    chance.choice(events)["actor"] = "user:eve"
    made = sealed(events, _key_of(target, run, chance))
    return {f"{run}/{name}": data for name, data in made.items()}


def _key_of(target: Target, run: str, chance: random.Random) -> SigningKey:
    origin = target.files[f"{run}/checkpoint"].split(b"\n")[0].decode().rpartition("/runs/")[0]
    return sample_key(origin, seed=chance.randrange(1, 250))


def _own_key_in_part(target: Target, chance: random.Random) -> Change:
    change = _own_key(target, chance)
    names = sorted(change)
    return {name: change[name] for name in chance.sample(names, chance.randrange(1, len(names)))}


def _edit_and_rechain(target: Target, chance: random.Random) -> Change:
    """A line changed and all that follow chained again: the chain alone cannot show it."""
    run = chance.choice(target.runs)
    events = _events(target, run)
    event = chance.choice(events)
    event["actor"] = f"user:{chance.randrange(10**6)}"
    if chance.random() < 0.3 and len(events) > 2:
        events.remove(event)
        for seq, one in enumerate(events):
            one["seq"] = seq
    origin = target.files[f"{run}/checkpoint"].split(b"\n")[0].decode().rpartition("/runs/")[0]
    lines = chained(events, origin)
    change: Change = {f"{run}/events.jsonl": b"".join(line + b"\n" for line in lines)}
    if chance.random() < 0.5:  # and the heads made to fit, under the old signatures
        note = target.files[f"{run}/checkpoint"]
        tree = root_of([leaf_hash(line) for line in lines])
        text = (
            f"{origin}/runs/{events[0]['run']}\n{len(lines)}\n{base64.b64encode(tree).decode()}\n"
        )
        change[f"{run}/checkpoint"] = text.encode() + b"\n" + note.split(b"\n\n")[1]
    return change


def _edit_receipt(target: Target, chance: random.Random) -> Change:
    """The statement changed inside its envelope; the tenant's leaf made to fit it."""
    run = chance.choice(target.runs)
    name = f"{run}/receipt.dsse.json"
    envelope = json.loads(target.files[name])
    statement = json.loads(base64.b64decode(envelope["payload"]))
    predicate = statement["predicate"]
    way = chance.choice(["status", "totals", "tenantIndex", "previousReceipt", "counts", "subject"])
    if way == "status":
        predicate["status"] = "completed" if predicate["status"] != "completed" else "failed"
    elif way == "totals":
        predicate["totals"] = {"time_ms": chance.randrange(10**6)}
    elif way == "tenantIndex":
        predicate["tenantIndex"] += chance.choice([1, 7])
    elif way == "previousReceipt":
        predicate["previousReceipt"] = "ab" * 32
    elif way == "counts":
        predicate["counts"]["note.recorded"] = 3
    else:
        statement["subject"][0]["digest"]["sha256"] = "cd" * 32
    payload = canonical(statement)
    envelope["payload"] = base64.b64encode(payload).decode()
    change: Change = {name: canonical(envelope) + b"\n"}
    if chance.random() < 0.5:
        log = f"{run.rpartition('/runs/')[0]}/log.jsonl"
        leaves = target.files[log].splitlines(keepends=True)
        index = min(predicate["tenantIndex"], len(leaves) - 1)
        leaf = receipt_leaf(payload, predicate["tenant"], predicate["run"], index)
        leaves[index] = leaf + b"\n"
        change[log] = b"".join(leaves)
    return change


def _edit_leaf(target: Target, chance: random.Random) -> Change:
    name = chance.choice([n for n in target.names if n.endswith("log.jsonl")])
    lines = target.files[name].splitlines(keepends=True)
    at = chance.randrange(len(lines))
    leaf = json.loads(lines[at])
    key = chance.choice(sorted(leaf))
    if isinstance(leaf[key], int):
        leaf[key] += 1
    elif isinstance(leaf[key], str):
        leaf[key] = chance.choice([leaf[key] + "0", leaf[key][::-1], "f" * 64])
    else:
        leaf[key] = {}
    lines[at] = canonical(leaf) + b"\n"
    return {name: b"".join(lines)}


# -- what parsers differ about -----------------------------------------------------------------


def _confuse_types(target: Target, chance: random.Random) -> Change:
    run = chance.choice(target.runs)
    if chance.random() < 0.3:
        name = f"{run}/receipt.dsse.json"
        envelope = json.loads(target.files[name])
        way = chance.randrange(4)
        if way == 0:
            envelope["payloadType"] = chance.choice(["application/json", "text/plain", ""])
        elif way == 1:
            envelope["payload"] = base64.b64encode(target.files[f"{run}/checkpoint"]).decode()
        elif way == 2:
            envelope["signatures"].append({**envelope["signatures"][0], "keyid": ""})
        else:
            envelope["signatures"][0]["keyid"] = chance.choice(["", "ab" * 32])
        return {name: canonical(envelope) + b"\n"}
    lines = target.lines(run)
    at = chance.randrange(len(lines))
    event = json.loads(lines[at])
    key = chance.choice(sorted(event))
    value = event[key]
    event[key] = chance.choice([None, [], {}, [value], str(value), True, 0, value == 0])
    line = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, int) and chance.random() < 0.5:
        event[key] = value
        line = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        spelt = chance.choice([f"{value}.0", f"{value}e0", f"0{value}", f"+{value}", f"-{value}"])
        line = line.replace(f'"{key}":{value}', f'"{key}":{spelt}')
    lines[at] = line.encode() + b"\n"
    return {f"{run}/events.jsonl": b"".join(lines)}


def _double_key(target: Target, chance: random.Random) -> Change:
    """A key twice: one reader takes the first value, another the last."""
    run = chance.choice(target.runs)
    name = chance.choice([f"{run}/events.jsonl", f"{run}/receipt.dsse.json"])
    lines = target.files[name].splitlines(keepends=True)
    at = chance.randrange(len(lines))
    value = json.loads(lines[at])
    key = chance.choice(sorted(value))
    shown = json.dumps(value[key], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    other = chance.choice([shown, '"x"', "0"])
    if chance.random() < 0.5:
        lines[at] = lines[at].replace(b"{", f'{{"{key}":{other},'.encode(), 1)
    else:
        lines[at] = lines[at].rstrip(b"\n")[:-1] + f',"{key}":{other}}}\n'.encode()
    return {name: b"".join(lines)}


def _vary_base64(target: Target, chance: random.Random) -> Change:
    """Another spelling of the same bytes, or of nearly the same."""
    run = chance.choice(target.runs)
    name = chance.choice(["receipt.dsse.json", "checkpoint", "tenant.tlog-proof"])
    data = target.files[f"{run}/{name}"]
    way = chance.randrange(5)
    if way == 0:
        data = data.replace(b"+", b"-").replace(b"/", b"_")
    elif way == 1:
        data = data.replace(b"=", b"")
    elif way == 2:
        at = data.rfind(b"=")
        data = data[:at] + b"=" + data[at:]
    elif way == 3:  # bits behind the last byte
        at = data.rfind(b"=") - 1
        data = data[:at] + bytes([data[at] + 1]) + data[at + 1 :]
    else:
        at = data.find(b"=") - chance.randrange(1, 40)
        data = data[:at] + chance.choice([b"\n", b" ", b"\\n"]) + data[at:]
    return {f"{run}/{name}": data}


def older_heads(target: Target, keys: dict[str, SigningKey]) -> Files:
    """What the true key signed before: heads of each run and of each log when they were shorter."""
    heads = {}
    for name, data in target.files.items():
        folder, _, file = name.rpartition("/")
        if file not in ("events.jsonl", "log.jsonl"):
            continue
        lines = [line.rstrip(b"\n") for line in data.splitlines(keepends=True)]
        origin = target.files[f"{folder}/checkpoint"].split(b"\n")[0].decode()
        size = len(lines) - 1
        root = root_of([leaf_hash(line) for line in lines[:size]])
        heads[f"{folder}/checkpoint"] = write_checkpoint(origin, size, root, keys[folder])
    return heads
