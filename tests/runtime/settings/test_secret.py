"""A secret stays one wherever a value may be printed."""

import copy
import json
import pickle

import attrs
import pytest

from runtime.settings import Secret, Settings

KEY = "hunter2-key"
ENVIRON = {
    "TEXT_API_KEY": KEY,
    "HF_TOKEN": KEY,
    "SENTRY_DSN": f"https://{KEY}@sentry.example/1",
    "AXIOM_API_TOKEN": KEY,
    "MAX_CONCURRENT_CONNECTIONS": "1",
    "CHAT_MODEL": "owner/name",
}


def test_only_reveal_gives_the_text() -> None:
    secret = Secret(KEY)
    assert secret.reveal() == KEY
    assert KEY not in f"{secret} {secret!r} {secret!s} {[secret]} %s" % secret


def test_a_secret_cannot_be_dumped_by_accident() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(KEY))
    assert KEY not in str(attrs.asdict(Settings.from_env(ENVIRON)))


def test_settings_never_show_a_secret() -> None:
    settings = Settings.from_env(ENVIRON)
    assert KEY not in repr(settings)
    assert [key.reveal() for key in settings.deployment.api_keys] == [KEY]


def test_a_child_process_gets_the_settings_with_their_secrets() -> None:
    settings = Settings.from_env(ENVIRON)
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert copy.deepcopy(settings) == settings


def test_secrets_compare_by_their_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
