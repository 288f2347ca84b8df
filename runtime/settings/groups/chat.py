"""Prompt, history, generation, sampling."""

from pathlib import Path

from attrs import frozen

from runtime.settings.kinds import Flag, Float, Int, Place, PromptPrefix, Text
from runtime.settings.variable import Derived, optional, setting

TEMPERATURE = Float(low=0, high=2)
TOP_P = Float(above=0, high=1)
TOP_K = Int(0, 1024)
MIN_P = Float(low=0, high=1)
REPETITION = Float(above=0, high=2)
PENALTY = Float(low=-2, high=2)
# A prompt of English text has four to five characters a token; six leaves room before tokens are counted at all.
CHARS_PER_TOKEN = 6


@frozen(kw_only=True)
class Chat:
    """Prompt, history, generation, sampling. Lengths are chat-model tokens unless their name says characters.

    Sampling: each key has a default that a client may override within its `_MIN` and `_MAX`.
    """

    max_len: int = setting(
        "CHAT_MAX_LEN",
        Int(1),
        5025,
        "Context, prompt and reply together. At least `CHAT_PROMPT_MAX_TOKENS` + `USER_UTT_MAX_TOKENS` + "
        "`CHAT_MAX_OUT` + 64.",
    )
    max_out: int = setting("CHAT_MAX_OUT", Int(1), 150, "Longest reply.")
    prompt_max_tokens: int = setting("CHAT_PROMPT_MAX_TOKENS", Int(1), 1500, "Longest `chat_prompt`.")
    prompt_sanitize_max_chars: int = setting(
        "PROMPT_SANITIZE_MAX_CHARS",
        Int(1),
        Derived("6 x `CHAT_MAX_LEN` (30150)", lambda of: CHARS_PER_TOKEN * of.whole("CHAT_MAX_LEN")),
        "Longest `chat_prompt` in characters.",
    )
    user_utt_max_tokens: int = setting(
        "USER_UTT_MAX_TOKENS", Int(1), 500, "An utterance or analysis with its prefix, as it enters the chat prompt."
    )
    history_max_tokens: int = setting("HISTORY_MAX_TOKENS", Int(2), 3000, "A longer history is trimmed.")
    trimmed_history_length: int = setting(
        "TRIMMED_HISTORY_LENGTH",
        Int(1),
        2000,
        "What it is trimmed to, and the limit of an imported one.",
        also="< `HISTORY_MAX_TOKENS`",
    )
    screen_prefix_max_chars: int = setting(
        "SCREEN_PREFIX_MAX_CHARS", Int(1), 30, "Longest screen prefix in characters."
    )
    check_screen_prefix: str = setting(
        "CHECK_SCREEN_PREFIX",
        PromptPrefix(),
        "MUST CHECK SCREEN:",
        "Goes before what the user said after a decision for a screenshot.",
    )
    screen_checked_prefix: str = setting(
        "SCREEN_CHECKED_PREFIX", PromptPrefix(), "ON THE SCREEN NOW:", "Goes before an analysis of the screen."
    )
    personality_max_len: int = setting("PERSONALITY_MAX_LEN", Int(1), 20, "Longest `personality` in letters.")
    template: str | None = optional(
        "CHAT_TEMPLATE",
        Text(),
        "Path of a Jinja file, or the name of one of the model's named templates.",
        unset="the model's own",
    )
    template_enable_thinking: bool = setting(
        "CHAT_TEMPLATE_ENABLE_THINKING",
        Flag(),
        False,
        "The template's thinking switch, whatever it calls it (`enable_thinking`, `thinking`); without one: a warning.",
    )
    stream_flush_ms: float = setting(
        "STREAM_FLUSH_MS", Float(low=0, high=1000), 0.0, "Merge deltas that follow each other this closely; 0: off."
    )
    gen_timeout_s: float = setting(
        "GEN_TIMEOUT_S", Float(above=0), 60.0, "From submission to the engine's last output."
    )
    logit_bias_file: Path | None = optional(
        "CHAT_LOGIT_BIAS_FILE",
        Place(),
        "JSON object, text to number in -100..100. Unset: the built-in map; a file with `{}`: no bias.",
    )
    temperature: float = setting("CHAT_TEMPERATURE", TEMPERATURE, 0.8, "Randomness; 0 is greedy.")
    temperature_min: float = setting("CHAT_TEMPERATURE_MIN", TEMPERATURE, 0.0, "Least value a client may ask for.")
    temperature_max: float = setting("CHAT_TEMPERATURE_MAX", TEMPERATURE, 1.2, "Greatest one.")
    top_p: float = setting("CHAT_TOP_P", TOP_P, 0.95, "Probability mass that is sampled from.")
    top_p_min: float = setting("CHAT_TOP_P_MIN", TOP_P, 0.6, "Least value a client may ask for.")
    top_p_max: float = setting("CHAT_TOP_P_MAX", TOP_P, 1.0, "Greatest one.")
    top_k: int = setting("CHAT_TOP_K", TOP_K, 30, "Number of likeliest tokens that are sampled from; 0: all.")
    top_k_min: int = setting("CHAT_TOP_K_MIN", TOP_K, 0, "Least value a client may ask for.")
    top_k_max: int = setting("CHAT_TOP_K_MAX", TOP_K, 60, "Greatest one.")
    min_p: float = setting("CHAT_MIN_P", MIN_P, 0.0, "Least probability, relative to the likeliest token's.")
    min_p_min: float = setting("CHAT_MIN_P_MIN", MIN_P, 0.0, "Least value a client may ask for.")
    min_p_max: float = setting("CHAT_MIN_P_MAX", MIN_P, 0.20, "Greatest one.")
    repetition_penalty: float = setting(
        "CHAT_REPETITION_PENALTY", REPETITION, 1.0, "Divides the scores of tokens already seen; 1 is neutral."
    )
    repetition_penalty_min: float = setting(
        "CHAT_REPETITION_PENALTY_MIN", REPETITION, 1.0, "Least value a client may ask for."
    )
    repetition_penalty_max: float = setting("CHAT_REPETITION_PENALTY_MAX", REPETITION, 1.3, "Greatest one.")
    presence_penalty: float = setting(
        "CHAT_PRESENCE_PENALTY", PENALTY, 0.0, "Taken off the scores of tokens that occurred; 0 is neutral."
    )
    presence_penalty_min: float = setting(
        "CHAT_PRESENCE_PENALTY_MIN", PENALTY, 0.0, "Least value a client may ask for."
    )
    presence_penalty_max: float = setting("CHAT_PRESENCE_PENALTY_MAX", PENALTY, 0.5, "Greatest one.")
    frequency_penalty: float = setting(
        "CHAT_FREQUENCY_PENALTY", PENALTY, 0.0, "The same, times how often they occurred; 0 is neutral."
    )
    frequency_penalty_min: float = setting(
        "CHAT_FREQUENCY_PENALTY_MIN", PENALTY, 0.0, "Least value a client may ask for."
    )
    frequency_penalty_max: float = setting("CHAT_FREQUENCY_PENALTY_MAX", PENALTY, 0.5, "Greatest one.")


__all__ = ["Chat"]
