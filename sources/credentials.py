"""Several ways to authenticate to one backend, of which the first is used whose secrets are there.

A backend that was described by others may take several kinds of credentials, each for some of its calls. Nobody has
all of them: what is missing is told, and is no fault.
"""

from __future__ import annotations

from collections.abc import Sequence

from sources.auth import Auth, OAuth2, Pairs


class Credentials:
    """The first of several sets of credentials whose environment variables are all set; nothing where none is.

    ``Credentials([[OAuth2(...)], [ApiKey(...), Basic(...)]])`` is a token, else key and password together. What is read
    from the environment is read when a source starts to speak.
    """

    def __init__(self, alternatives: Sequence[Sequence[Auth]] = ()) -> None:
        self.alternatives = tuple(map(tuple, alternatives))
        kinds = [auth for alternative in self.alternatives for auth in alternative]
        self.names = tuple(dict.fromkeys(name for auth in kinds for name in auth.names))

    def missing(self) -> list[str]:
        """Give nothing: without its secrets a backend is spoken to without credentials."""
        return []

    def chosen(self) -> tuple[Auth, ...]:
        """Give the credentials that are used."""
        complete = (found for found in self.alternatives if not any(auth.missing() for auth in found))
        return next(complete, ())

    def headers(self) -> Pairs:
        """Give the headers that each request carries; of two of one name, the first, and all cookies as one."""
        found: dict[str, tuple[str, str]] = {}
        for name, value in one_cookie([pair for auth in self.chosen() for pair in auth.headers()]):
            found.setdefault(name.lower(), (name, value))
        return tuple(found.values())

    def parameters(self) -> Pairs:
        """Give the query parameters that each request carries."""
        return tuple(pair for auth in self.chosen() for pair in auth.parameters())


def token_of(auth: Auth | None) -> OAuth2 | None:
    """Give what fetches the token among credentials, if anything does."""
    kinds = auth.chosen() if isinstance(auth, Credentials) else (auth,)
    return next((kind for kind in kinds if isinstance(kind, OAuth2)), None)


def one_cookie(headers: Sequence[tuple[str, str]]) -> Pairs:
    """Give headers with all their cookies in one line; of two cookies of one name, the first.

    So a client's cookie never takes the place of one that the gateway sends itself.
    """
    cookies: dict[str, str] = {}
    for name, value in headers:
        if name.lower() == "cookie":
            for cookie in value.split(";"):
                if cookie.strip():
                    cookies.setdefault(cookie.partition("=")[0].strip(), cookie.strip())
    others = tuple(pair for pair in headers if pair[0].lower() != "cookie")
    return (*others, ("cookie", "; ".join(cookies.values()))) if cookies else others
