"""Which families of rules are on."""

from attrs import frozen


@frozen(kw_only=True)
class Families:
    """Switches of the spoken-text rules. Reasoning, entities, invisible characters and white space have none.

    `contacts`: telephone numbers and e-mail addresses are spelled out. `numbers`: degrees, per cent, minus, ranges and
    `5*3` become words. `emoji`: emoji, kaomoji and emoticons go. `markdown`: tags, comments, Markdown, formulas'
    delimiters, asterisks and long dashes go; leaked control tokens and stray closing tags of reasoning go whatever it
    says. `english`: no switch, but whether the reply is in English: else no rule writes a word, and none about English
    spelling holds.
    """

    contacts: bool = True
    numbers: bool = True
    emoji: bool = True
    markdown: bool = True
    english: bool = True


__all__ = ["Families"]
