"""What a server loaded is out of the garbage collector's way while it serves: a collection of it stops everybody."""

import gc

import trio

from runtime.process import Process
from runtime.settings import Settings
from tests.toy import toy_directory

SETTINGS = {
    "DEPLOY_MODE": "chat",
    "INFERENCE_ENGINE": "scripted",
    "TEXT_API_KEY": "k-1",
    "MAX_CONCURRENT_CONNECTIONS": "4",
    "SERVER_BIND_HOST": "127.0.0.1",
    "SERVER_PORT": "0",
}


async def test_what_was_loaded_is_collected_again_only_when_the_server_is_gone() -> None:
    process = Process(Settings.from_env({**SETTINGS, "CHAT_MODEL": str(toy_directory())}))
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            await nursery.start(process.run)
            while not gc.get_freeze_count():
                await trio.sleep(0.01)
            assert len(gc.get_objects()) < gc.get_freeze_count() / 4
            nursery.cancel_scope.cancel("seen")
    assert gc.get_freeze_count() == 0
