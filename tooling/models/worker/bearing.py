"""The token that goes to the Hub, and the address it goes to: whether they can be what they should be.

A library that cannot put a token into a header shows it in its error.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token

from tooling.refusal import REFUSED, Refusal

_TOKEN = re.compile(r"[\x21-\x7e]+")


def bearer(environ: Mapping[str, str]) -> str | None:
    """`HF_TOKEN`, else the token that somebody logged in with; None sends none.

    Raises `Refusal` (3): a token that no header takes, an `HF_ENDPOINT` that is no address; `OSError` where the login
    cannot be read.
    """
    named = environ.get("HF_TOKEN", "").strip()
    token = named or get_token()
    if token is not None and not _TOKEN.fullmatch(token):
        where = "HF_TOKEN" if named else f"the login in {constants.HF_TOKEN_PATH}"
        raise Refusal(f"{where} has blanks or characters that no token has: copy it again", REFUSED)
    _require_address(constants.ENDPOINT)
    return token


def _require_address(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not endpoint.isprintable() or " " in endpoint:
        raise Refusal(f"HF_ENDPOINT={endpoint} is no address: write https://host, or unset it", REFUSED)


__all__ = ["bearer"]
