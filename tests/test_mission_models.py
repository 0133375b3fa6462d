"""Steps with models, documents and other steps: through the kernel, against a server that speaks
the protocol."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from model_server import ModelServer, model_server

from runtime_min.kernel.envelope import Principal, Session
from runtime_min.kernel.errors import CapabilityFailed
from runtime_min.missions.cli import run_mission
from runtime_min.missions.embedding import DIMENSIONS, chunks, cosine, embed
from runtime_min.missions.mission import load_mission
from runtime_min.missions.result import MissionResult
from runtime_min.missions.vectors import VectorStore
from runtime_min.plugins.services import Caller
from runtime_min.runtime import Runtime

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setenv("MODEL_KEY", "sk-hidden")
    with model_server() as made:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "services.toml").write_text(
            f'[providers.openai]\nbase-url = "{made.base_url}"\nkey-variable = "MODEL_KEY"\n'
            'model = "small"\n'
        )
        yield made


@pytest.fixture
def runtime(server: ModelServer, tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path / "home")
    yield made
    made.close()


def run(runtime: Runtime, tmp_path: Path, *steps: dict[str, Any], **config: Any) -> MissionResult:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    listed: list[dict[str, Any]] = []
    for number, one in enumerate(steps):
        named = {"id": f"s{number}", "name": f"s{number}", "timeout_seconds": 20, **one}
        if number and "depends_on" not in named:
            named["depends_on"] = [listed[-1]["id"]]
        listed.append(named)
    mission: dict[str, Any] = {"version": "1.0", "name": "m", "steps": listed}
    if config:
        mission["config"] = config
    (work / "m.yaml").write_text(yaml.safe_dump(mission, sort_keys=False))
    tenant = "acme"
    session = Session("s", tenant, runtime.clock.now_ns() + 10**12)
    caller = Caller(Principal("user:a", tenant, ("operator",)), session)
    key = runtime.randomness.bytes(8).hex()
    return run_mission(runtime, caller, load_mission(work / "m.yaml"), work, key, {}, None)


def output(result: MissionResult, step: str = "s0") -> Any:
    assert result.status == "Completed", result
    return result.step_results[step].output


# -- models ------------------------------------------------------------------------------


def test_llm(runtime: Runtime, server: ModelServer, tmp_path: Path) -> None:
    result = run(
        runtime,
        tmp_path,
        {
            "step_type": "llm",
            "parameters": {
                "provider": "openai",
                "model": "gpt-4",
                "prompt": "one two three",
                "system_message": "be short",
                "temperature": 0.5,
                "max_tokens": 100,
            },
        },
        {
            "step_type": "create_file",
            "parameters": {"path": "o", "content": "{{s0.output.analysis}}"},
        },
    )
    found = output(result)
    assert found["content"] == found["analysis"] == "3 words " and found["model"] == "gpt-4"
    assert found["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    assert (tmp_path / "work" / "o").read_text() == "3 words "
    asked = server.asked[0]
    assert asked["key"] == "Bearer sk-hidden" and asked["temperature"] == 0.5
    assert [m["role"] for m in asked["messages"]] == ["system", "user"] and asked[
        "max_tokens"
    ] == 100
    events = runtime.journal.events("acme", result.run)
    settled = [e["budget"]["amounts"] for e in events if e["type"] == "budget.settled"]
    assert settled[0]["tokens"] == 8


def test_a_server_that_is_busy_is_asked_again(
    runtime: Runtime, server: ModelServer, tmp_path: Path
) -> None:
    server.script = [503, 429]
    step = {"step_type": "model_inference", "parameters": {"prompt": "a b"}}
    result = run(runtime, tmp_path, step, retry_attempts=2, retry_delay_ms=1)
    assert output(result)["response"] == "2 words " and output(result)["tokens_used"] == 5
    assert result.step_results["s0"].attempts == 3 and len(server.asked) == 3
    server.script = [401]
    result = run(runtime, tmp_path, step)
    assert result.status == "Failed" and "answered 401" in (result.error or "")


def test_a_provider_that_is_not_there_is_a_failure(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {"step_type": "llm", "parameters": {"prompt": "x", "provider": "claude"}}
    assert "no provider 'claude'; configured are openai" in (
        run(runtime, tmp_path, step).error or ""
    )
    monkeypatch.delenv("MODEL_KEY")
    step = {"step_type": "llm", "parameters": {"prompt": "x"}}
    assert "MODEL_KEY holds no key" in (run(runtime, tmp_path, step).error or "")


# -- documents ---------------------------------------------------------------------------


def test_documents_are_kept_and_found(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "cats.txt").write_text("Cats sleep on warm windowsills most of the day.")
    result = run(
        runtime,
        tmp_path,
        {"step_type": "rag_add", "parameters": {"id": "cats", "content_file": "cats.txt"}},
        {
            "step_type": "rag_add",
            "parameters": {"id": "tax", "content": "Invoices are due.", "metadata": {"year": 2024}},
        },
        {"step_type": "rag_query", "parameters": {"query": "where do cats sleep?", "limit": 1}},
        {"step_type": "generate_embedding", "parameters": {"text": "the invoice is due"}},
        {
            "step_type": "similarity_search",
            "parameters": {"query_embedding": "{{s3.output.embedding}}", "top_k": 2},
        },
        {"step_type": "rag_query", "parameters": {"query": "cats", "threshold": 0.99}},
    )
    found = output(result, "s2")
    assert found["results"][0]["document_id"] == "cats" and found["results_count"] == 1
    assert found["context"].startswith("Cats sleep")
    made = output(result, "s3")
    assert made["dimensions"] == DIMENSIONS == len(made["embedding"]) and "offline" in made["note"]
    assert [hit["id"] for hit in output(result, "s4")["results"]] == ["tax", "cats"]
    assert output(result, "s4")["results"][0]["metadata"] == {"year": 2024}
    assert output(result, "s5")["results_count"] == 0
    again = VectorStore(tmp_path / "home" / "documents.db")
    assert again.nearest("other", "default", embed("cats"), 5) == []
    with pytest.raises(CapabilityFailed, match="of another model"):
        again.nearest("acme", "default", [1.0], 5)


def test_a_model_that_is_named_is_asked(
    runtime: Runtime, server: ModelServer, tmp_path: Path
) -> None:
    step = {
        "step_type": "generate_embedding",
        "parameters": {"text_source": "text", "text": "a cat", "model": "text-embedding-ada-002"},
    }
    found = output(run(runtime, tmp_path, step))
    assert found["dimensions"] == 64 and found["model"] == "text-embedding-ada-002"
    assert server.asked[0]["input"] == ["a cat"]


@settings(max_examples=60, deadline=None)
@drawn(st.text(max_size=300))
def test_an_embedding_has_length_one_or_nothing_to_say(text: str) -> None:
    vector = embed(text)
    assert len(vector) == DIMENSIONS and embed(text) == vector
    length = math.sqrt(sum(number * number for number in vector))
    assert length == 0 or length == pytest.approx(1, abs=1e-6)
    assert cosine(vector, embed(text.upper().lower())) >= -1.0001


def test_texts_that_share_words_are_nearer() -> None:
    query = embed("How do I reset my password?")
    near = embed("Resetting passwords: open settings and choose a new password.")
    far = embed("The quarterly revenue of the western region grew by nine percent.")
    assert cosine(query, near) > cosine(query, far) + 0.2
    assert abs(cosine(embed("x" * 20), embed("y" * 20))) < 0.5


@settings(max_examples=60, deadline=None)
@drawn(st.text(alphabet="ab \n", max_size=5000))
def test_pieces_cover_a_document(text: str) -> None:
    pieces = chunks(text)
    assert all(0 < len(piece) <= 1000 for piece in pieces)
    assert set("".join(text.split())) == set("".join("".join(pieces).split()))
    for piece in pieces:
        assert piece in text


# -- steps in steps ----------------------------------------------------------------------


def test_a_tool_is_an_envelope_of_its_own(runtime: Runtime, tmp_path: Path) -> None:
    import base64
    import io

    from PIL import Image

    picture = io.BytesIO()
    Image.new("RGB", (8, 4), "red").save(picture, "PNG")
    image = base64.b64encode(picture.getvalue()).decode()
    payload = {"image": image, "mime_type": "image/png"}
    result = run(
        runtime,
        tmp_path,
        {"step_type": "tool", "parameters": {"tool": "image-report", "parameters": payload}},
        {
            "step_type": "tool",
            "parameters": {
                "tool": "create_file",
                "parameters": {"path": "t", "content": "{{s0.output.width}} {{{{env.HOME}}"},
            },
        },
        {"step_type": "tool", "parameters": {"tool": "nope"}, "continue_on_error": True},
    )
    assert output(result)["width"] == 8
    assert (tmp_path / "work" / "t").read_text() == "8 {{env.HOME}}"
    assert "there is no tool 'nope'; there are" in (result.step_results["s2"].error or "")
    kinds = sorted(row.kind for row in runtime.journal.runs("acme"))
    assert kinds == ["mission", "mission", "plugin"]


def test_a_chain_is_a_mission_below_a_step(runtime: Runtime, tmp_path: Path) -> None:
    def part(name: str, kind: str, **given: Any) -> dict[str, Any]:
        return {"step_name": name, "step_type": kind, "parameters": given}

    result = run(
        runtime,
        tmp_path,
        {"step_type": "parse_json", "parameters": {"content": '{"who": "Ann {{{{x}}"}'}},
        {
            "step_type": "chain",
            "parameters": {
                "steps": [
                    part("a", "create_file", path="c", content="hi {{s0.output.parsed.who}}"),
                    part("b", "read_file", path="{{a.output.path}}"),
                    part("c", "parse_json", content='["{{b.output.size}}"]'),
                ]
            },
        },
    )
    found = output(result, "s1")
    assert (tmp_path / "work" / "c").read_text() == "hi Ann {{x}}"
    assert found["result"]["parsed"] == ["12"] and found["variables"]["b"]["size"] == 12
    failing = {"steps": [part("a", "read_file", path="none"), part("b", "noop")]}
    result = run(runtime, tmp_path, {"step_type": "chain", "parameters": failing})
    assert result.status == "Failed" and "No such file" in (result.error or "")


def test_an_agent_calls_the_tools_it_is_allowed_and_ends(
    runtime: Runtime, server: ModelServer, tmp_path: Path
) -> None:
    server.script = [
        {
            "tool_calls": [
                {"name": "create_file", "arguments": {"path": "a", "content": "{{env.HOME}}"}}
            ]
        },
        {
            "tool_calls": [
                {"name": "delete_file", "arguments": {"path": "a"}},
                {"name": "read_file", "arguments": {"path": "../../etc/passwd"}},
                {"name": "read_file", "arguments": {"path": "a"}},
            ]
        },
        {"content": "done, master"},
    ]
    step = {
        "step_type": "agent",
        "parameters": {
            "objective": "write a",
            "name": "Writer",
            "tools": ["create_file", "read_file"],
            "max_iterations": 5,
        },
    }
    found = output(run(runtime, tmp_path, step))
    assert found["response"] == "done, master " and found["iterations"] == 3
    assert [call["ok"] for call in found["tool_calls"]] == [True, False, False, True]
    assert (tmp_path / "work" / "a").read_text() == "{{env.HOME}}"
    told = [m["content"] for m in server.asked[-1]["messages"] if m["role"] == "tool"]
    assert "the tool 'delete_file' is not allowed" in told[1] and "leaves the workspace" in told[2]
    assert {t["function"]["name"] for t in server.asked[0]["tools"]} == {"create_file", "read_file"}
    server.script = [{"tool_calls": [{"name": "read_file", "arguments": {"path": "a"}}]}] * 3
    endless = {
        "step_type": "agent",
        "parameters": {"objective": "x", "tools": ["read_file"], "max_iterations": 2},
    }
    assert "not done after 2 answers" in (run(runtime, tmp_path, endless).error or "")
    unknown = {"step_type": "agent", "parameters": {"objective": "x", "tools": ["calculator"]}}
    assert "there is no tool 'calculator'" in (run(runtime, tmp_path, unknown).error or "")


def test_chains_in_chains_end(runtime: Runtime, tmp_path: Path) -> None:
    inner: dict[str, Any] = {"step_name": "x", "step_type": "noop", "parameters": {}}
    for _ in range(10):
        inner = {"step_name": "x", "step_type": "chain", "parameters": {"steps": [inner]}}
    result = run(runtime, tmp_path, {"step_type": "chain", "parameters": {"steps": [inner]}})
    assert result.status == "Failed" and "more than 8 deep" in (result.error or "")


# -- the missions of spec 002, as it writes them ---------------------------------------------

SPEC = Path(__file__).parent / "data" / "spec_002"


@pytest.fixture
def spec_runtime(server: ModelServer, tmp_path: Path) -> Iterator[Runtime]:
    """Services as the spec's missions name them: sales_db is a real PostgreSQL."""
    import mission_servers

    with mission_servers.postgres() as url:
        with (tmp_path / "home" / "services.toml").open("a") as file:
            file.write(f'[connections]\nsales_db = "{url}"\n')
        made = Runtime(tmp_path / "home")
        yield made
        made.close()


@pytest.mark.platform
def test_the_five_missions_of_the_spec_run_as_written(
    spec_runtime: Runtime, server: ModelServer, tmp_path: Path
) -> None:
    import psycopg

    known = spec_runtime.missions.bounds.services.connections["sales_db"]
    with psycopg.connect(known) as database:
        database.execute("CREATE TABLE sales (name text, date date)")
        database.execute("INSERT INTO sales VALUES ('a', '2024-02-03'), ('b', '2023-01-01')")
    work = tmp_path / "work"
    work.mkdir()
    (work / "sales_raw.csv").write_text("Name , Value\n a, 1\n")
    (work / "source_document.txt").write_text("Bees make honey in summer.")
    session = Session("s", "acme", spec_runtime.clock.now_ns() + 10**12)
    caller = Caller(Principal("user:a", "acme", ("operator",)), session)
    given = {"summary_result": "about bees", "keywords_result": "bees, honey"}
    found = {}
    for file in sorted(SPEC.glob("*.yaml")):
        mission = load_mission(file, given)
        found[file.stem] = run_mission(spec_runtime, caller, mission, work, file.stem, given, None)
    assert {name: result.status for name, result in found.items()} == dict.fromkeys(
        ("ai", "errors", "linear", "parallel", "pipeline"), "Completed"
    )
    rows = found["pipeline"].step_results["extract_data"].output["rows"]
    assert rows == [{"name": "a", "date": "2024-02-03"}]
    assert (work / "sales_clean.csv").read_text() == "name,value\na,1\n"
    written = found["linear"].step_results["validate_output"].output["content"]
    assert written == "Processed: Hello, World!"
    assert found["errors"].step_results["risky_operation"].status == "Failed"
    assert found["errors"].step_results["risky_operation"].attempts == 4
    assert (work / "completion.log").exists() and (work / "final_report.md").exists()
    ai = {name: one.status for name, one in found["ai"].step_results.items()}
    assert set(ai.values()) == {"Success"} and len(ai) == 5
    assert len(server.asked) == 5
