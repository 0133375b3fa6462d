"""Models behind an OpenAI-compatible endpoint: chat, streamed, and embeddings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runtime_min.kernel.errors import CapabilityFailed, Refused, ValidationFailed
from runtime_min.missions.network import split_url
from runtime_min.missions.services import Provider
from runtime_min.missions.waiting import wait_for

if TYPE_CHECKING:
    from runtime_min.missions.steps import StepContext


@dataclass(slots=True)
class Reply:
    """What a model answered; `calls` are the functions that it wants called."""

    model: str
    content: str = ""
    finish_reason: str = ""
    usage: dict[str, int] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)


def chat(
    context: StepContext,
    provider_name: str | None,
    messages: Sequence[Mapping[str, Any]],
    *,
    model: str | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    **options: Any,
) -> Reply:
    """One chat completion. The tokens that it used are charged to the attempt."""
    provider = context.services.provider(provider_name)
    wanted = model or provider.model
    if not wanted:
        raise ValidationFailed("the step names no model, and its provider has no default one")
    given = {name: value for name, value in options.items() if value is not None}
    if tools:
        given["tools"] = list(tools)
    reply = wait_for(context, _chat(context, provider, wanted, list(messages), given))
    context.charge("tokens", reply.usage.get("total_tokens", 0))
    return reply


def embeddings(
    context: StepContext, provider: Provider, model: str, texts: Sequence[str]
) -> list[list[float]]:
    """The vectors of texts, by a provider's model."""
    return wait_for(context, _embeddings(context, provider, model, list(texts)))


async def _chat(
    context: StepContext,
    provider: Provider,
    model: str,
    messages: list[Mapping[str, Any]],
    options: dict[str, Any],
) -> Reply:
    reply = Reply(model)
    calls: dict[int, dict[str, Any]] = {}
    size = 0
    async with _client(context, provider) as client:
        try:
            stream: Any = await client.chat.completions.create(
                model=model,
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                **options,
            )
            async for part in stream:
                reply.model = part.model or reply.model
                if part.usage is not None:
                    reply.usage = _usage(part.usage)
                for choice in part.choices:
                    reply.finish_reason = choice.finish_reason or reply.finish_reason
                    reply.content += choice.delta.content or ""
                    for call in choice.delta.tool_calls or ():
                        _add(
                            calls.setdefault(call.index, {"id": "", "name": "", "arguments": ""}),
                            call,
                        )
                size += 1
                if len(reply.content) > context.limits.output_bytes:
                    raise CapabilityFailed("the model answers more than it may", "output-limit")
        except Exception as error:
            raise _failure(provider, error) from None
    if not size:
        raise CapabilityFailed("the model answered nothing", "model-failed", retryable=True)
    reply.calls = [calls[index] for index in sorted(calls)]
    return reply


async def _embeddings(
    context: StepContext, provider: Provider, model: str, texts: list[str]
) -> list[list[float]]:
    async with _client(context, provider) as client:
        try:
            made = await client.embeddings.create(model=model, input=texts, encoding_format="float")
        except Exception as error:
            raise _failure(provider, error) from None
    context.charge("tokens", made.usage.total_tokens if made.usage else 0)
    return [list(one.embedding) for one in sorted(made.data, key=lambda one: one.index)]


def _client(context: StepContext, provider: Provider) -> Any:
    import openai

    parts = split_url(provider.base_url, ("http", "https"))
    context.network.addresses(parts.hostname or "", parts.port or 443)
    key = os.environ.get(provider.key_variable, "") if provider.key_variable else "none"
    if not key:
        raise Refused(f"the variable {provider.key_variable} holds no key", "no-key")
    # the mission says how often is tried again, and the step how long
    return openai.AsyncOpenAI(
        base_url=provider.base_url, api_key=key, max_retries=0, timeout=context.left()
    )


def _failure(provider: Provider, error: Exception) -> Exception:
    import openai

    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        said = error.message[:500]
        return CapabilityFailed(
            f"{provider.base_url} answered {status}: {said}",
            "model-failed",
            retryable=status >= 500 or status in (408, 409, 429),
        )
    if isinstance(error, openai.APIError):
        said = f"{provider.base_url}: {error.message[:500]}"
        return CapabilityFailed(said, "unreachable", retryable=True)
    return error


def _add(call: dict[str, Any], part: Any) -> None:
    call["id"] = part.id or call["id"]
    if part.function is not None:
        call["name"] += part.function.name or ""
        call["arguments"] += part.function.arguments or ""


def _usage(usage: Any) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
