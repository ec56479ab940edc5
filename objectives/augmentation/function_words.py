"""Function words, for which lexicon entries are ignored."""

from .words import is_unspaced

_LISTED = """
a about after again all also am an and any are as at be because been before being both but by can cannot could
did do does doing down during each few for from further had has have having he her here hers him his how i if in into
is it its just me more most my never no none nor not of off on once one only or other our out over own same she should
so some such than that the their them then there these they this those through to too under until up us very was we
were what when where which while who whom why will with would you your
以后 以前 之后 之前 后来 上面 下面 里面 外面 前面 后面 一些 一切 所有 都是 今天 明天 昨天 现在 自己 别人 这里 那里
"""
FUNCTION_WORDS = frozenset(_LISTED.split())
"""English and Chinese words that carry a sentence's build, not its matter."""


def carries_meaning(word: str) -> bool:
    """Whether a dictionary's synonyms and antonyms of a word are likely meant where it stands.

    They are not for function words, nor for one character alone of a script without blanks: it is likely a part of a
    longer word that the dictionary does not have.
    """
    return word.lower() not in FUNCTION_WORDS and not (len(word) == 1 and is_unspaced(word))
