"""What the process does with the variables that libraries read."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from runtime.settings import Settings
from runtime.surroundings import look_around

CHAT = {
    "TEXT_API_KEY": "key",
    "MAX_CONCURRENT_CONNECTIONS": "4",
    "INFERENCE_ENGINE": "vllm",
    "DEPLOY_MODE": "chat",
    "CHAT_MODEL": "owner/name",
    "CUDA_VISIBLE_DEVICES": "",
}


@pytest.mark.parametrize(("size", "kept"), [({}, True), ({"CHAT_KV_CACHE_BYTES": "67108864"}, False)])
def test_on_a_cpu_our_kv_cache_size_outweighs_the_librarys_variable(
    size: dict[str, str], kept: bool, tmp_path: Path
) -> None:
    environ = {**CHAT, **size, "VLLM_CPU_KVCACHE_SPACE": "2"}
    with capture_logs() as records:
        around = look_around(Settings.from_env(environ), environ, tmp_path)
    assert around.gpus == ()
    assert ("VLLM_CPU_KVCACHE_SPACE" in environ) is kept
    told = [record["warning"] for record in records if record["event"] == "settings.warned"]
    assert told == ([] if kept else ["VLLM_CPU_KVCACHE_SPACE is set aside: CHAT_KV_CACHE_BYTES is set as well"])
