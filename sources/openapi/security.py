"""What a document says of credentials, as the gateway has them: from environment variables.

Each security scheme is one or more ways to authenticate, each with its variables, named after source and scheme:
``PETS_API_KEY``, ``PETS_LOGIN_USERNAME`` and ``PETS_LOGIN_PASSWORD``, ``PETS_OAUTH_CLIENT_ID`` and
``PETS_OAUTH_CLIENT_SECRET``. Nobody has the credentials of every scheme, so what is not set is told and is no fault:
requests go without.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from sources.auth import ApiKey, Auth, Basic, Bearer, OAuth2
from sources.credentials import Credentials
from sources.errors import DeclarationError

Requirements = Sequence[Sequence[str]]

_MOST_ALTERNATIVES = 64
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+|[0-9]+")


class Security:
    """The credentials of a source, operation by operation.

    Args:
        source: the source's name, with which the variables begin.
        schemes: the document's security schemes by name.
        default: what an operation needs that does not say it: alternatives of names of schemes that go together.
        base: address to which the addresses of token endpoints are relative.

    `unsupported` says of schemes, by name, why the gateway cannot authenticate by them; `variables`, with what the
    names of their environment variables begin.
    """

    def __init__(
        self, source: str, schemes: Mapping[str, Mapping[str, Any]], default: Requirements = (), *, base: str = ""
    ) -> None:
        self.unsupported: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self._default = _plain(default)
        self._ways: dict[str, list[list[Auth]]] = {}
        self._made: dict[tuple[tuple[str, ...], ...], Credentials] = {}
        variables = _Variables(source)
        for name in sorted(schemes, key=str):
            self._ways[name] = []
            variable = self.variables[name] = variables.of(name)
            try:
                self._ways[name] = list(_ways(schemes[name], variable, base))
            except DeclarationError as exc:
                self.unsupported[name] = str(exc)
                if _is_mutual(schemes[name]):
                    self._ways[name].append([])  # the client's affair: what goes with it is sent

    def of(self, requirements: Requirements | None) -> Credentials:
        """Give the credentials of an operation, always the same for the same requirements.

        What needs none is given last: where a secret is there, it is sent.

        Args:
            requirements: alternatives of names of schemes that go together; None for those of the document.
        """
        alternatives = self._default if requirements is None else _plain(requirements)
        found = self._made.get(alternatives)
        if found is None:
            made = [
                [auth for way in ways for auth in way]
                for names in alternatives
                for ways in itertools.islice(itertools.product(*map(self._known, names)), _MOST_ALTERNATIVES)
            ]
            found = self._made[alternatives] = Credentials(sorted(made, key=lambda auths: not auths))
        return found

    def unset(self) -> list[str]:
        """Give what operations need of the environment and do not have: ``key: set PETS_KEY``, by scheme.

        An operation with several alternatives needs one of them. Only operations count that `of` was asked for.
        """
        found: dict[str, None] = {}
        for alternatives, credentials in self._made.items():
            if credentials.chosen() or () in alternatives:
                continue
            for name in dict.fromkeys(name for names in alternatives for name in names):
                told = [" and ".join(_missing(way)) for way in self._known(name) if _missing(way)]
                if told:
                    found[f"{name}: set {', or '.join(told)}"] = None
        return sorted(found)

    def parameters(self) -> frozenset[str]:
        """Give the names that credentials have in the query; no value of a client takes one of them."""
        kinds = (auth for ways in self._ways.values() for way in ways for auth in way)
        return frozenset(auth.query for auth in kinds if isinstance(auth, ApiKey) and auth.query is not None)

    def headers(self) -> frozenset[str]:
        """Give the names of the headers of credentials, in lower case."""
        kinds = (auth for ways in self._ways.values() for way in ways for auth in way)
        return frozenset(name.lower() for auth in kinds for name in auth.names)

    def _known(self, name: str) -> list[list[Auth]]:
        """Give the ways of a scheme; none for one that is unsupported, so that nothing goes with it."""
        if name not in self._ways:
            self.unsupported.setdefault(name, "the document names it and does not say what it is")
        return self._ways.get(name, [])


def _ways(scheme: Mapping[str, Any], variable: str, base: str) -> Iterator[list[Auth]]:
    """Give the ways to authenticate by a scheme, each a list of credentials that go together.

    Raises:
        DeclarationError: there is none, and why.
    """
    kind = str(scheme.get("type")).lower()
    if kind == "apikey":
        name, place = scheme.get("name"), scheme.get("in")
        if not isinstance(name, str) or not name or place not in ("header", "query", "cookie"):
            raise DeclarationError("an API key needs a name, and a place that is header, query or cookie")
        yield [ApiKey(**{str(place): name}, env=variable)]
    elif kind in ("http", "basic"):
        method = str(scheme.get("scheme") or kind).lower()
        if method == "basic":
            yield [Basic(username_env=f"{variable}_USERNAME", env=f"{variable}_PASSWORD")]
        elif method == "bearer":
            yield [Bearer(env=variable)]
        else:
            raise DeclarationError(f"HTTP authentication {method!r} is not supported; basic and bearer are")
    elif kind == "oauth2":
        url = _token_url(scheme)
        if url is not None:
            yield from _client_credentials(urljoin(base, url), variable)
        yield [Bearer(env=variable)]
    elif kind == "openidconnect":
        yield [Bearer(env=variable)]
    elif _is_mutual(scheme):
        raise DeclarationError("mutual TLS needs a certificate: give tls=, or a client that has it")
    else:
        raise DeclarationError(f"a security scheme of type {scheme.get('type')!r} is not known")


def _is_mutual(scheme: Mapping[str, Any]) -> bool:
    return str(scheme.get("type")).lower() == "mutualtls"


def _client_credentials(url: str, variable: str) -> Iterator[list[Auth]]:
    try:
        yield [OAuth2(url, client_id_env=f"{variable}_CLIENT_ID", env=f"{variable}_CLIENT_SECRET")]
    except DeclarationError:
        return  # no address: a token from elsewhere is what is left


def _token_url(scheme: Mapping[str, Any]) -> str | None:
    flows = scheme.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, Mapping) else None
    url = flow.get("tokenUrl") if isinstance(flow, Mapping) else None
    return url if isinstance(url, str) and url else None


def _missing(way: Sequence[Auth]) -> list[str]:
    return [name for auth in way for name in auth.missing()]


def _plain(requirements: Requirements) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(str, names)) for names in requirements)


class _Variables:
    """Names of environment variables, each given once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._taken: set[str] = set()

    def of(self, scheme: str) -> str:
        words = [*_WORDS.findall(self._source), *(_WORDS.findall(scheme.replace("OAuth", "Oauth")) or ["AUTH"])]
        name = "_".join(words).upper()
        if not name[0].isalpha():
            name = f"WEFT_{name}"
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        found = next(made for made in itertools.chain([name], numbered) if made not in self._taken)
        self._taken.add(found)
        return found
