"""Language models and embeddings (spec 002: llm, model_inference, embeddings, RAG)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from runtime_min.kernel.errors import CapabilityFailed, ValidationFailed
from runtime_min.missions import embedding, models
from runtime_min.missions.steps import Parameters, StepContext
from runtime_min.missions.steps.files import text_of
from runtime_min.missions.vectors import VectorStore

_COLLECTION = "default"
_PREVIEW = 200  # characters
_MOST_RESULTS = 1000


def llm(context: StepContext, given: Parameters) -> dict[str, Any]:
    """One chat completion; `content` and, by the spec's name, `analysis` are the answer."""
    messages = [{"role": "user", "content": given["prompt"]}]
    if given.get("system_message"):
        messages.insert(0, {"role": "system", "content": given["system_message"]})
    reply = models.chat(
        context,
        given.get("provider"),
        messages,
        model=given.get("model"),
        temperature=given.get("temperature"),
        max_tokens=given.get("max_tokens"),
    )
    return {
        "model": reply.model,
        "content": reply.content,
        "analysis": reply.content,
        "usage": reply.usage,
        "finish_reason": reply.finish_reason,
    }


def model_inference(context: StepContext, given: Parameters) -> dict[str, Any]:
    """One chat completion by the default provider, with upstream's names of the outputs."""
    most = given.get("max_tokens") or 100
    messages = [{"role": "user", "content": given["prompt"]}]
    reply = models.chat(context, None, messages, model=given.get("model"), max_tokens=most)
    return {
        "prompt": given["prompt"],
        "model": reply.model,
        "response": reply.content,
        "max_tokens": most,
        "tokens_used": reply.usage.get("total_tokens", 0),
        "finish_reason": reply.finish_reason,
    }


def generate_embedding(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The vector of a text, or of a file's; by the model that is named, else offline."""
    source = given.get("text_source") or ("file" if given.get("file_path") else "text")
    if source == "file":
        if not given.get("file_path"):
            raise ValidationFailed("text_source is file, and there is no file_path")
        data = context.workspace.read(given["file_path"], context.most_bytes)
        text = text_of(data, given["file_path"])
    elif source == "text":
        text = given.get("text") or ""
    else:
        raise ValidationFailed(f"text_source {source!r}: there are text and file")
    model, (vector,) = vectors_of(context, [text], given.get("model"))
    offline = "embedded offline by feature hashing" if model == embedding.MODEL else ""
    return {
        "text": text,
        "model": model,
        "embedding": vector,
        "dimensions": len(vector),
        "note": offline,
    }


def similarity_search(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The documents of a store whose vectors are nearest to the query's."""
    query = given.get("query_embedding")
    if not query:
        raise ValidationFailed("query_embedding is the vector that is looked for")
    name = given.get("database") or _COLLECTION
    most = min(given.get("top_k") or 5, _MOST_RESULTS)
    hits = _store(context).nearest(context.tenant, name, query, most)
    results = [
        {
            "id": hit.document,
            "score": hit.score,
            "text": hit.text,
            "database": name,
            "rank": rank,
            "metadata": hit.metadata,
        }
        for rank, hit in enumerate(hits, start=1)
    ]
    return {"database": name, "top_k": most, "results": results, "count": len(results), "note": ""}


def rag_add(context: StepContext, given: Parameters) -> dict[str, Any]:
    """Cut a document into pieces, embed and keep them, in place of what its id had."""
    if given.get("content_file"):
        data = context.workspace.read(given["content_file"], context.most_bytes)
        content = text_of(data, given["content_file"])
    else:
        content = given["content"]
    pieces = embedding.chunks(content)
    if not pieces:
        raise CapabilityFailed(f"document {given['id']!r} holds no text", "no-text")
    model, vectors = vectors_of(context, pieces, None)
    metadata = given.get("metadata") or {}
    paired = list(zip(pieces, vectors, strict=True))
    _store(context).put(context.tenant, _COLLECTION, given["id"], paired, metadata, model)
    return {
        "document_id": given["id"],
        "content_length": len(content),
        "added": True,
        "chunks": len(pieces),
    }


def rag_query(context: StepContext, given: Parameters) -> dict[str, Any]:
    """The pieces of documents that are nearest to a question, and their text as one context."""
    begun = time.monotonic()
    _, (query,) = vectors_of(context, [given["query"]], None)
    most = min(given.get("limit") or 10, _MOST_RESULTS)
    least = given.get("threshold")
    hits = [
        hit
        for hit in _store(context).nearest(context.tenant, _COLLECTION, query, most)
        if least is None or hit.score >= least
    ]
    results = [
        {
            "document_id": hit.document,
            "chunk_id": f"{hit.document}#{hit.number}",
            "score": hit.score,
            "content_preview": hit.text[:_PREVIEW],
            "metadata": hit.metadata,
        }
        for hit in hits
    ]
    return {
        "query": given["query"],
        "results_count": len(results),
        "results": results,
        "context": "\n\n".join(hit.text for hit in hits),
        "processing_time_ms": round((time.monotonic() - begun) * 1000),
    }


def vectors_of(
    context: StepContext, texts: Sequence[str], model: str | None
) -> tuple[str, list[list[float]]]:
    """Texts as vectors, and the model that made them.

    A model that a step names is asked, or the step fails; without one it is the default
    provider's, and where that has none, the offline one.
    """
    services = context.services
    known = services.providers.get(services.default_provider)
    wanted = model or (known.embedding_model if known else "")
    if not wanted or wanted == embedding.MODEL:
        return embedding.MODEL, [embedding.embed(text) for text in texts]
    return wanted, models.embeddings(context, services.provider(None), wanted, texts)


def _store(context: StepContext) -> VectorStore:
    if context.store is None:
        raise CapabilityFailed("this runtime keeps no documents", "no-store")
    return context.store
