"""The real Hub library, in the worker, against a Hub on loopback."""

import json
import threading
import time
from pathlib import Path

import pytest

from engines.quantised import Format
from tests.receivers.behaviour import cutting, refusing
from tests.receivers.hub.contents import Account, Repository
from tests.receivers.hub.endpoint import Hub
from tooling.models import PATIENCE_S, Kind, Model, Reference, fetch, resolve, resolve_to_plan
from tooling.refusal import REFUSED, Refusal

TOKEN = "hf_abcdefghijklmnopqrstuvwxyzabcdefgh"
LLAMA = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}).encode()
AWQ = json.dumps({"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 4}}).encode()
FILES = {
    "config.json": LLAMA,
    "generation_config.json": b'{"eos_token_id": 2}',
    "model.safetensors": b"w" * 20000,
    "tokenizer.json": b"{}",
    "README.md": b"# a model",
    "pytorch_model.bin": b"b" * 9000,
    "original/consolidated.safetensors": b"o" * 9000,
    ".gitattributes": b"*.safetensors filter=lfs",
}


def look(text: str, environ: dict[str, str], said: list[str] | None = None) -> Model:
    return resolve(Reference.parse(text, Path("/")), environ=environ, say=(said if said is not None else []).append)


def refused(text: str, environ: dict[str, str]) -> Refusal:
    said: list[str] = []
    with pytest.raises(Refusal) as caught:
        look(text, environ, said)
    assert TOKEN not in f"{caught.value} {said}"
    return caught.value


def test_a_model_is_looked_up_pinned_and_without_its_weights(hub: Hub, environ: dict[str, str]) -> None:
    repository = Repository("org/name")
    commit = hub.add(repository, FILES)
    model = look("org/name", environ)
    assert (model.revision, model.kind, model.made) == (commit.oid, Kind.HF, None)
    assert model.config["model_type"] == "llama" and model.files["generation_config.json"] == {"eos_token_id": 2}
    assert dict(model.wanted) == {path: len(FILES[path]) for path in FILES if path[0] not in "po."}
    assert model.weight_bytes == 20000 and model.identity == {"id": "org/name", "commit": commit.oid}
    fetched = {request.path.rpartition("/")[2] for request in hub.requests if request.stage == "resolve"}
    assert fetched == {"config.json", "generation_config.json"}
    assert all(request.token is None for request in hub.requests)
    repository.commit({"config.json": AWQ})
    assert look("org/name", environ).made is Format.AWQ
    assert look(f"org/name@{commit.oid}", environ).made is None


def test_what_is_cached_does_without_the_hub(hub: Hub, environ: dict[str, str]) -> None:
    commit = hub.add(Repository("org/name"), FILES)
    model = look("org/name", environ)
    place = fetch(model, environ=environ, say=print)
    kept = {path.name: path.read_bytes() for path in place.iterdir()}
    assert kept == {path: content for path, content in FILES.items() if path[0] not in "po."}
    before = len(hub.requests)
    offline = environ | {"HF_HUB_OFFLINE": "1"}
    again = look("org/name", offline)
    assert (again.revision, again.config, again.from_cache) == (commit.oid, model.config, True)
    assert fetch(again, environ=offline, say=print) == place
    assert len(hub.requests) == before
    said: list[str] = []
    away = look("org/name", environ | {"HF_ENDPOINT": "http://127.0.0.1:9"}, said)
    assert away.note is not None
    assert away.note.startswith("org/name: the Hub cannot be asked (") and commit.oid[:12] in away.note
    assert len([line for line in said if "attempt" in line]) == 1, "there is a copy, so nobody waits long"


def test_offline_and_not_cached_says_what_to_unset(hub: Hub, environ: dict[str, str]) -> None:
    said = refused("org/name", environ | {"HF_HUB_OFFLINE": "1"})
    assert said.exit_code == REFUSED and "HF_HUB_OFFLINE is set: unset it" in str(said)
    assert not hub.requests


@pytest.mark.parametrize("token", [None, TOKEN])
def test_who_may_not_have_a_model_is_told_why(hub: Hub, environ: dict[str, str], token: str | None) -> None:
    hub.accounts[TOKEN] = Account("somebody", "read")
    hub.add(Repository("org/gated", gated=True), FILES)
    hub.add(Repository("org/private", private=True), FILES)
    if token:
        environ["HF_TOKEN"] = token
    sent = "a token was sent" if token else "no token was sent"
    told = {}
    for name, status in (("org/gated", 403 if token else 401), ("org/private", 404 if token else 401)):
        said = refused(name, environ)
        assert said.exit_code == REFUSED
        assert str(said).startswith(name) and f"status {status}, {sent}" in str(said)
        told[name] = str(said)
    assert "is gated" in told["org/gated"]
    assert ("HF_TOKEN" in told["org/private"]) is (token is None)
    assert {request.token for request in hub.requests} == {token}


def test_a_wrong_token_and_a_wrong_revision_are_named(hub: Hub, environ: dict[str, str]) -> None:
    hub.add(Repository("org/name"), FILES)
    said = refused("org/name@v9", environ)
    assert "org/name has no revision 'v9' (status 404, no token was sent)" in str(said)
    said = refused("org/name", environ | {"HF_TOKEN": TOKEN})
    assert "the token was refused for org/name (status 401, a token was sent)" in str(said)
    assert hub.stages().count("info") == 2, "what would be refused again is not asked again"
    # The library would show it in its error.
    said = refused("org/name", environ | {"HF_TOKEN": f"{TOKEN}\nmore"})
    assert str(said) == "HF_TOKEN has blanks or characters that no token has: copy it again"
    assert str(refused("org/name", environ | {"HF_ENDPOINT": "hub"})).startswith("HF_ENDPOINT=hub is no address")


def test_the_hub_is_asked_again_when_it_stumbles(hub: Hub, environ: dict[str, str]) -> None:
    hub.add(Repository("org/name"), FILES)
    hub.trouble("info", refusing(429, 0), cutting(), refusing(503, 0))
    hub.trouble("resolve", refusing(500))
    said: list[str] = []
    model = look("org/name", environ, said)
    assert model.config["model_type"] == "llama"
    assert [line.partition(";")[0] for line in said if "attempt" in line][::2] == [
        "org/name: the Hub answered 429",
        "org/name: the Hub answered 503",
    ]


def test_a_plan_asks_once_and_goes_by_the_name(hub: Hub, environ: dict[str, str]) -> None:
    hub.add(Repository("org/name-awq"), FILES)
    hub.trouble("info", refusing(503, 0))
    said: list[str] = []
    model, away = resolve_to_plan(Reference.parse("org/name-awq", Path("/")), environ=environ, say=said.append)
    assert (model.made, model.revision, model.listing) == (Format.AWQ, None, ())
    assert model.note is not None and "planned by the name alone, as a model quantised (awq)" in model.note
    assert away is not None and "the Hub answered 503" in str(away) and away.exit_code == 1
    assert hub.stages() == ["info"] and not [line for line in said if "attempt" in line]
    model, away = resolve_to_plan(Reference.parse("org/name-awq", Path("/")), environ=environ, say=said.append)
    assert away is None and model.revision is not None
    with pytest.raises(Refusal, match="org/nothing is not on"):
        resolve_to_plan(Reference.parse("org/nothing", Path("/")), environ=environ, say=said.append)


def test_a_plan_does_not_wait_for_a_hub_that_says_nothing(hub: Hub, environ: dict[str, str]) -> None:
    over = threading.Event()
    hub.before("info", lambda: over.wait(60))
    began, said = time.monotonic(), list[str]()
    _, away = resolve_to_plan(Reference.parse("org/name", Path("/")), environ=environ, say=said.append)
    took = time.monotonic() - began
    over.set()
    assert "no answer within 6 s" in str(away)
    assert took < PATIENCE_S + 10, "the worker's own start included"


def test_a_cut_download_is_taken_up_again(hub: Hub, environ: dict[str, str]) -> None:
    hub.add(Repository("org/name"), FILES)
    model = look("org/name", environ)
    said: list[str] = []
    hub.trouble("resolve", cutting(), cutting(), cutting())
    place = fetch(model, environ=environ, say=said.append)
    assert (place / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_what_is_broken_is_named(hub: Hub, environ: dict[str, str]) -> None:
    hub.add(Repository("org/name"), {**FILES, "config.json": b"{"})
    said = refused("org/name", environ)
    assert str(said).startswith("config.json of org/name cannot be read: ") and said.exit_code == REFUSED
    hub.add(
        Repository("org/shards"), {**FILES, "model.safetensors.index.json": b'{"weight_map": {"a": "x.safetensors"}}'}
    )
    model = look("org/shards", environ)
    with pytest.raises(Refusal, match=r"org/shards is incomplete in the cache: x.safetensors is missing"):
        fetch(model, environ=environ, say=print)


def test_a_repository_of_tensorrt_files_is_read_where_they_are(hub: Hub, environ: dict[str, str]) -> None:
    checkpoint = json.dumps({"architecture": "LlamaForCausalLM", "quantization": {"quant_algo": "FP8"}}).encode()
    label = "sm90_trt-llm-1.2.1_cuda13.1"
    hub.add(
        Repository("org/trt"),
        {
            "config.json": LLAMA,
            "trt-llm/checkpoints/config.json": checkpoint,
            "trt-llm/checkpoints/rank0.safetensors": b"r" * 5000,
            f"trt-llm/engines/{label}/rank0.engine": b"e" * 5000,
            f"trt-llm/engines/{label}/build_metadata.json": b'{"sm_arch": "sm90"}',
        },
    )
    model = look("org/trt", environ)
    assert (model.kind, model.made, model.findings.engines) == (Kind.TRT_CHECKPOINT, Format.FP8, (label,))
    assert model.files[f"trt-llm/engines/{label}/build_metadata.json"] == {"sm_arch": "sm90"}
    place = fetch(model, environ=environ, say=print, parts=("trt-llm/checkpoints",))
    assert (place / "trt-llm/checkpoints/rank0.safetensors").exists()
    assert not (place / f"trt-llm/engines/{label}/rank0.engine").exists()
