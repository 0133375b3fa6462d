"""A store of documents and their vectors: one SQLite file, a tenant's own rows.

Search compares with every vector of a collection, which is exact; 10,000 take about a second.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.missions.embedding import cosine

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS chunk (tenant TEXT, collection TEXT, document TEXT, number INTEGER,"
    " text TEXT, metadata TEXT, model TEXT, vector BLOB,"
    " PRIMARY KEY (tenant, collection, document, number)) WITHOUT ROWID"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found; `score` is the cosine, 1 for the same direction."""

    document: str
    number: int
    text: str
    metadata: Any
    score: float


class VectorStore:
    """The documents of every tenant. Each call opens the file: many processes may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(
        self,
        tenant: str,
        collection: str,
        document: str,
        pieces: Sequence[tuple[str, Sequence[float]]],
        metadata: Mapping[str, Any],
        model: str,
    ) -> None:
        """Put a document's pieces in place of those that it had."""
        said = json.dumps(metadata, ensure_ascii=False)
        rows = [
            (tenant, collection, document, n, text, said, model, array("f", vector).tobytes())
            for n, (text, vector) in enumerate(pieces)
        ]
        with closing(self._open()) as store, store:
            store.execute(
                "DELETE FROM chunk WHERE tenant = ? AND collection = ? AND document = ?",
                (tenant, collection, document),
            )
            store.executemany("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def nearest(self, tenant: str, collection: str, query: Sequence[float], most: int) -> list[Hit]:
        """The nearest chunks of a collection, the best first; those of equal score by name.

        CapabilityFailed where the collection's vectors have another length than the query.
        """
        found = []
        with closing(self._open()) as store:
            for document, number, text, metadata, blob in store.execute(
                "SELECT document, number, text, metadata, vector FROM chunk"
                " WHERE tenant = ? AND collection = ?",
                (tenant, collection),
            ):
                vector = array("f", blob)
                if len(vector) != len(query):
                    raise CapabilityFailed(
                        f"{collection!r} holds vectors of {len(vector)} numbers, not {len(query)}:"
                        " they are of another model",
                        "other-model",
                    )
                score = round(cosine(query, vector), 6)
                found.append(Hit(document, number, text, json.loads(metadata), score))
        found.sort(key=lambda hit: (-hit.score, hit.document, hit.number))
        return found[:most]

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        store = sqlite3.connect(self._path, timeout=10)
        store.execute(_SCHEMA)
        return store
