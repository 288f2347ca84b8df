"""Where a model's chat template stands: `CHAT_TEMPLATE`, else the places in which models ship one."""

import json
from collections.abc import Mapping
from pathlib import Path

from engines.errors import EngineStartFailed
from engines.model_files import json_files, model_file
from engines.prompts.encoder import HubTokenizer

SETTING = "CHAT_TEMPLATE"
_DEFAULT = "default"
_FILE, _JSON = "chat_template.jinja", "chat_template.json"
_PATH_ENDINGS = (".jinja", ".jinja2", ".j2", ".txt")


def find_template(
    model: str, tokenizer: HubTokenizer, *, wanted: str | None = None, revision: str | None = None
) -> str | None:
    """The source of the template to use; None for a model that ships none. Raises `EngineStartFailed`.

    `wanted`: the path of a Jinja file, or the name of one of the model's. Else, in this order: `chat_template.jinja`
    (with `additional_chat_templates/`), `chat_template.json`, `tokenizer_config.json`; of several the default.
    """
    if wanted is not None and _is_path(wanted):
        return _read(Path(wanted).expanduser())
    named = _named(model, tokenizer, revision)
    if wanted is not None:
        if wanted not in named:
            raise EngineStartFailed(f"{SETTING}: there is no file {wanted!r}, and {model} {_told(named)}")
        return named[wanted]
    if named and _DEFAULT not in named:
        raise EngineStartFailed(
            f"{model} {_told(named)}, none of which is the default: set {SETTING} to one of the names, or to the path "
            "of a Jinja file"
        )
    return named.get(_DEFAULT)


def _is_path(wanted: str) -> bool:
    return wanted.endswith(_PATH_ENDINGS) or "/" in wanted or Path(wanted).expanduser().is_file()


def _read(path: Path) -> str:
    try:
        # Some editors put a byte order mark in front, which would be the first word of every prompt.
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise EngineStartFailed(f"{SETTING} {path} cannot be read: {error}") from error
    if not source.strip():
        raise EngineStartFailed(f"{SETTING} {path} is empty")
    return source


def _named(model: str, tokenizer: HubTokenizer, revision: str | None) -> dict[str, str]:
    """The model's templates by name; the only one is called `default`, as the library has it."""
    own = tokenizer.chat_template
    named = dict(own) if isinstance(own, Mapping) else {_DEFAULT: own} if own else {}
    # The library knows all of these places but one, which vision models and their fine-tunes still use.
    if model_file(model, _FILE, revision) is None:
        named |= _of_json(model, json_files(model, [_JSON], revision).get(_JSON, {}))
    return {name: source for name, source in named.items() if source.strip()}


def _of_json(model: str, content: Mapping[str, object]) -> dict[str, str]:
    if not content:
        return {}
    found = content.get("chat_template")
    if isinstance(found, list):
        found = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
    named = {_DEFAULT: found} if isinstance(found, str) else found
    if not isinstance(named, dict) or not all(isinstance(each, str) for pair in named.items() for each in pair):
        shown = json.dumps(sorted(content))[:80]
        raise EngineStartFailed(
            f'{_JSON} of {model} holds no {{"chat_template": "..."}} but {shown}; '
            f"set {SETTING} to the path of a Jinja file"
        )
    return named


def _told(named: Mapping[str, str]) -> str:
    if not named:
        return "has no chat template of its own"
    return f"has the chat templates {', '.join(sorted(named))}"


__all__ = ["SETTING", "find_template"]
