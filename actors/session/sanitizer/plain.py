"""Which text takes the short way: nothing in it concerns any rule, so that no stage has to see it.

Both patterns only select; every text gives the same output the long way (a test compares the two).
"""

import re

_LATIN = "A-Za-zÀ-ÖØ-öø-ʯ"
_LETTERS = f"{_LATIN}Α-Ρά-ώА-яё"

RUN = re.compile(rf"[{_LETTERS}'’‘\"“”(),?;:@_/{{}}]+")
"""Characters that only make a word longer: none is white space, a symbol, a digit, or a grapheme of its own."""

LONGEST = 40
"""Characters; a longer word goes the long way, where the bound on what is held is watched."""

WORD = re.compile(
    rf"[(\"“‘']?(?![oO]+[hH]+(?![{_LETTERS}])|[xX][dD]+(?![{_LETTERS}]))[{_LETTERS}]+(?:['’][{_LETTERS}]+)*[,!?]*[;:]?[\"”’')]?"
)
"""A word that no rule changes: letters with the punctuation of prose, no long ooh, no emoticon."""

NEXT = re.compile(rf" [{_LETTERS}]{{1,{LONGEST}}}")
"""What most tokens are: a space, which ends the word that is being read, and letters of the next one."""

__all__ = ["LONGEST", "NEXT", "RUN", "WORD"]
