"""What a template writes around what is said: where a reply begins and ends, and what only the template may write."""

import shutil
from pathlib import Path

import pytest

from engines.prompts.loading import load_chat_text
from engines.prompts.messages import PromptMessage


@pytest.fixture
def model(model_dirs: dict[str, Path], tmp_path: Path) -> Path:
    """A model directory whose template a test writes over."""
    return Path(shutil.copytree(model_dirs["chatml"], tmp_path / "model"))


# --- where a reply ends


@pytest.mark.parametrize(
    ("user", "stop"),
    [("\n\n### Instruction:\n", ("\n### Instruction:",)), ("\nUser: ", ("\nUser:",)), (" USER: ", ()), ("\n> ", ())],
)
def test_a_reply_without_an_end_of_its_own_ends_where_the_users_label_begins_a_line(
    model: Path, user: str, stop: tuple[str, ...]
) -> None:
    (model / "chat_template.jinja").write_text(
        f"{{% for m in messages %}}{{{{ ({user!r} if m.role == 'user' else ' ') + m.content }}}}{{% endfor %}}"
    )
    assert load_chat_text(str(model)).stop_strings == stop


# --- what people must not write


@pytest.mark.parametrize("marker", ["<|user|>", "<_user>", "[USER]", "[|user|]", "<｜user｜>"])
def test_a_marker_that_is_no_token_is_the_templates_alone(model: Path, marker: str) -> None:
    (model / "chat_template.jinja").write_text(
        f"{{% for m in messages %}}{{{{ ('{marker}' if m.role == 'user' else '') + m.content }}}}{{% endfor %}}"
    )
    said = [PromptMessage("user", f"say {marker} now")]
    assert load_chat_text(str(model)).text(said) == f"{marker}say {marker[0]} {marker[1:]} now"


# --- where a reply begins


@pytest.mark.parametrize(
    ("generation", "opening"),
    [
        ("<|start|>assistant", ("<|start|>assistant",)),
        ("<|start|>assistant<|channel|>analysis<|message|>", ("<|start|>assistant<|channel|>analysis<|message|>",)),
        ("<|start|>assistant<|channel|>analysis<|message|>no.<|end|><|start|>assistant", ("<|start|>assistant",)),
        ("<|start|>assistant<|channel|>final<|message|>", ()),
        ("<|start|>assistant<|message|>", ()),
        ("<|channel>thought\n", ("<|channel>thought\n",)),
        ("[THINK]so</THINK>", ("[THINK]so</THINK>",)),
        ("<think>a</think><think>", ("<think>",)),
        ("<think></think>\n", ()),
    ],
)
def test_a_block_that_the_prompt_leaves_open_is_where_a_reply_begins(
    model: Path, generation: str, opening: tuple[str, ...]
) -> None:
    harmony = "<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>"
    (model / "chat_template.jinja").write_text(
        f"{{% for m in messages %}}{harmony}{{% endfor %}}{{% if add_generation_prompt %}}{generation}{{% endif %}}"
    )
    assert load_chat_text(str(model)).format.opening == opening


def test_a_start_marker_without_channels_opens_no_header(model: Path) -> None:
    (model / "chat_template.jinja").write_text(
        "{% for m in messages %}<|start|>{{ m.role }}\n{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
    )
    chat = load_chat_text(str(model))
    assert chat.format.opening == ()
    assert chat.stop_strings == ("<|end|>",)
