"""A document measured before it is parsed: by its tokens, in one pass of a regular expression.

Parsing and validating cost tens of microseconds a token, this costs less than one. So what is far too large is refused
here, and deep nesting before anything recurses into it. Tokens are counted generously: a text that is no GraphQL may
count a few more than the parser would find.
"""

from __future__ import annotations

import itertools
import re

from graph.limits import Limits, exceeded

# Brackets within brackets, of any kind, and fields within fields. Beyond, what recurses would run out of stack.
MAX_NESTING = 150

_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\"""|\\|"(?!""))*+(?:""")?'
    r'|"(?:[^"\\\n\r]|\\.)*+"?'
    r"|\#[^\n\r]*+"
    r"|[_A-Za-z][_0-9A-Za-z]*+"
    r"|-?[0-9][0-9A-Za-z_.+-]*+"
    r"|\.\.\."
    r"|[^\s,\ufeff]"
)
_CHARACTERS = 20  # they cost about as much as a token, where one token has them all
_OPENING, _CLOSING = frozenset("{[("), frozenset("}])")


def scan(text: str, limits: Limits) -> int:
    """Give the number of a document's tokens, or of as many as it takes as long to read.

    Raises:
        RequestError: the document has too many characters, tokens, aliases, directives or levels of brackets.
    """
    if limits.max_length is not None and len(text) > limits.max_length:
        raise exceeded(f"the document has more than {limits.max_length} characters")
    most = limits.max_tokens
    found = _TOKENS.finditer(text)
    tokens = [match[0] for match in (found if most is None else itertools.islice(found, most + 1))]
    depth = parentheses = aliases = 0
    for token in tokens:
        if token in _OPENING:
            depth += 1
            parentheses += token == "("
            if depth > MAX_NESTING:
                raise exceeded(f"the document has more than {MAX_NESTING} levels of brackets")
        elif token in _CLOSING:
            depth -= 1
            parentheses -= token == ")"
        elif token == ":" and not parentheses:
            aliases += 1
    if most is not None and len(tokens) > most:
        raise exceeded(f"the document has more than {most} tokens")
    if limits.max_aliases is not None and aliases > limits.max_aliases:
        raise exceeded(f"the document has more than {limits.max_aliases} aliases")
    if limits.max_directives is not None and tokens.count("@") > limits.max_directives:
        raise exceeded(f"the document has more than {limits.max_directives} directives")
    return max(len(tokens), len(text) // _CHARACTERS)
