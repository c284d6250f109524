"""Documents of sources as parts of a graph: their schemas as types, their operations as fields.

Types are made as graphql-core has them, with the marks of `resolvers.marks` in their extensions: to the binder they are
like any other. Read `names`, `outputs`, `inputs`, `fields`, `imported`.
"""

from resolvers.openapi.advice import Advice, names_of, possible_links
from resolvers.openapi.described import Described
from resolvers.openapi.imported import PLACEHOLDER, merged
from resolvers.openapi.names import field_name
from resolvers.openapi.offers import Offer

__all__ = ["PLACEHOLDER", "Advice", "Described", "Offer", "field_name", "merged", "names_of", "possible_links"]
