"""A schema, its operations, and serving them. The upper storey, over `resolvers` and `sources`.

Read `graph` (what an author makes), `engine` (from request to bytes), `operation`, `document` (which checks `limits`),
`selection`, `plan`, `cost`, then the two ways to answer: `decode`, `compile`, `run` (compiled) and `exact`; last
`server`, `explain`, `target`, `main`.
"""

from graph.errors import GraphError, RequestError
from graph.graph import Graph
from graph.limits import Limits
from graph.server import App, listen, serve

__all__ = ["App", "Graph", "GraphError", "Limits", "RequestError", "listen", "serve"]
