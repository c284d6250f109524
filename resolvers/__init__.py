"""How a field gets its value: bindings, batching, caching. The middle storey, over `sources`.

It knows GraphQL's types, not its documents: it never parses one, never opens a socket and never builds a URL. Read
`marks`, `batch`, `binding`, `discriminator` and `declare` (what an author wrote), `binder` (what it means),
`values`, `envelope`, `flight`, `store`, `ledger`, `ask`, `loader` (how values arrive).
"""

from resolvers.batch import Batched, batched, operation_loaders
from resolvers.binder import bind
from resolvers.binding import Binding, Bindings, Fetching, Identity, Lookup, Property, Python, Reading, ages_of
from resolvers.check import CUT
from resolvers.connection import Connection, Edge, PageInfo
from resolvers.declare import Declared, declare
from resolvers.discriminator import Discriminator, Kinds, discriminator
from resolvers.envelope import key_text, unwrap, wrapped
from resolvers.flight import Abandoned, Flights
from resolvers.ledger import Ledger, Part
from resolvers.loader import Loader
from resolvers.marks import field, link
from resolvers.node import GlobalId, Node, global_id, identity_of, key_of
from resolvers.pages import SHOWN
from resolvers.store import Entry, Store
from resolvers.values import decoder, python_name, raw_key, wire_value

__all__ = [
    "CUT",
    "SHOWN",
    "Abandoned",
    "Batched",
    "Binding",
    "Bindings",
    "Connection",
    "Declared",
    "Discriminator",
    "Edge",
    "Entry",
    "Fetching",
    "Flights",
    "GlobalId",
    "Identity",
    "Kinds",
    "Ledger",
    "Loader",
    "Lookup",
    "Node",
    "PageInfo",
    "Part",
    "Property",
    "Python",
    "Reading",
    "Store",
    "ages_of",
    "batched",
    "bind",
    "declare",
    "decoder",
    "discriminator",
    "field",
    "global_id",
    "identity_of",
    "key_of",
    "key_text",
    "link",
    "operation_loaders",
    "python_name",
    "raw_key",
    "unwrap",
    "wire_value",
    "wrapped",
]
