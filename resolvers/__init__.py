"""How a field gets its value: bindings, batching, caching. The middle storey, over `sources`.

It knows GraphQL's types, not its documents: it never parses one, never opens a socket and never builds a URL. Read
`marks`, `scalars`, `batch`, `node`, `connection`, `entries`, `discriminator`, `weights`, `declare` and `upload` (what
an author wrote), `binding` and `binder` (what it means), `values`, `envelope`, `ledger`, `pages`, `flight`, `store`,
`ask`, `loader` (how values arrive), `topic` and `receiving` (how events do). Documents are a package of their own,
`resolvers.openapi`, which only those load who have some.
"""

from resolvers.ask import forwarded
from resolvers.attributes import call_of_type
from resolvers.backlog import Backlog
from resolvers.batch import Batched, batched, operation_loaders
from resolvers.binder import bind
from resolvers.binding import (
    Binding,
    Bindings,
    Feeding,
    Fetching,
    Identity,
    Named,
    Property,
    Python,
    Reading,
    References,
    ages_of,
)
from resolvers.check import CUT
from resolvers.connection import Connection, Edge, PageInfo
from resolvers.declare import Declared, declare
from resolvers.directive import declared_on
from resolvers.discriminator import Discriminator, Kinds, discriminator
from resolvers.entries import ENTRY_KEY, ENTRY_VALUE, Entries, Entry, as_entries, entries_of, is_map
from resolvers.envelope import key_text, unwrap, wrapped
from resolvers.extension import FetchInfo
from resolvers.filters import Wanted
from resolvers.flight import Abandoned, Flights
from resolvers.keys import definition_of, is_federated, keys_in, keys_of_sources
from resolvers.ledger import Ledger, Part
from resolvers.loader import Loader
from resolvers.marks import BATCH, LINKED, MARK, NAME, OPERATION, LinkMark, PropertyMark, field, link, mark_on, shown_as
from resolvers.maybe import refused_nulls
from resolvers.node import GlobalId, Node, global_id, identity_of, key_of, raw_key
from resolvers.pages import SHOWN, Pages
from resolvers.receiving import Receiving
from resolvers.requires import (
    Authenticated,
    Requirement,
    Requirements,
    RequiresScopes,
    authenticated,
    requirements_of,
    requirements_of_federation,
    requires,
)
from resolvers.scalars import JSON, JSON_TYPES, SCALARS, URL, Base64, Duration, Email, Int64
from resolvers.shared import shared
from resolvers.store import Store, Stored
from resolvers.topic import Listener, Occasion, Told, Topics
from resolvers.upload import UPLOAD_SCALARS, Upload, is_upload, takes_uploads
from resolvers.values import decoder, decoder_of, mark_of, python_name, wire_object, wire_value
from resolvers.weights import Cost, ListSize, Weights, is_list

__all__ = [
    "BATCH",
    "CUT",
    "ENTRY_KEY",
    "ENTRY_VALUE",
    "JSON",
    "JSON_TYPES",
    "LINKED",
    "MARK",
    "NAME",
    "OPERATION",
    "SCALARS",
    "SHOWN",
    "UPLOAD_SCALARS",
    "URL",
    "Abandoned",
    "Authenticated",
    "Backlog",
    "Base64",
    "Batched",
    "Binding",
    "Bindings",
    "Connection",
    "Cost",
    "Declared",
    "Discriminator",
    "Duration",
    "Edge",
    "Email",
    "Entries",
    "Entry",
    "Feeding",
    "FetchInfo",
    "Fetching",
    "Flights",
    "GlobalId",
    "Identity",
    "Int64",
    "Kinds",
    "Ledger",
    "LinkMark",
    "ListSize",
    "Listener",
    "Loader",
    "Named",
    "Node",
    "Occasion",
    "PageInfo",
    "Pages",
    "Part",
    "Property",
    "PropertyMark",
    "Python",
    "Reading",
    "Receiving",
    "References",
    "Requirement",
    "Requirements",
    "RequiresScopes",
    "Store",
    "Stored",
    "Told",
    "Topics",
    "Upload",
    "Wanted",
    "Weights",
    "ages_of",
    "as_entries",
    "authenticated",
    "batched",
    "bind",
    "call_of_type",
    "declare",
    "declared_on",
    "decoder",
    "decoder_of",
    "definition_of",
    "discriminator",
    "entries_of",
    "field",
    "forwarded",
    "global_id",
    "identity_of",
    "is_federated",
    "is_list",
    "is_map",
    "is_upload",
    "key_of",
    "key_text",
    "keys_in",
    "keys_of_sources",
    "link",
    "mark_of",
    "mark_on",
    "operation_loaders",
    "python_name",
    "raw_key",
    "refused_nulls",
    "requirements_of",
    "requirements_of_federation",
    "requires",
    "shared",
    "shown_as",
    "takes_uploads",
    "unwrap",
    "wire_object",
    "wire_value",
    "wrapped",
]
