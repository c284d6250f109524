"""A schema, its operations, and serving them. The upper storey, over `resolvers` and `sources`.

Read `graph` (what an author makes), `engine` (from request to bytes), `operation`, `document` (which checks `limits`),
`selection`, `plan`, `cost`, then the two ways to answer: `decode`, `compile`, `run` (compiled) and `exact`, which
`incremental` delivers in parts; `subscription` over both; last `server` over `serving` (requests), `stream`, `protocol`
and `socket` (WebSockets), then `explain`, `target`, `main`.
"""

from graph.apikeys import ApiKeys
from graph.bearer import Jwt
from graph.client import ANONYMOUS, Client
from graph.cors import Cors
from graph.credentials import Authenticator, Credentials, Unauthenticated, Unavailable
from graph.dependency import Dependency
from graph.errors import GraphError, RequestError
from graph.graph import Graph
from graph.limits import Limits
from graph.rates import Rate
from graph.server import App, listen, serve
from graph.trust import Trust

__all__ = [
    "ANONYMOUS",
    "ApiKeys",
    "App",
    "Authenticator",
    "Client",
    "Cors",
    "Credentials",
    "Dependency",
    "Graph",
    "GraphError",
    "Jwt",
    "Limits",
    "Rate",
    "RequestError",
    "Trust",
    "Unauthenticated",
    "Unavailable",
    "listen",
    "serve",
]
