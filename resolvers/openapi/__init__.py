"""Documents of sources as parts of a graph: their schemas as types, their operations as fields.

Types are made as graphql-core has them, with the marks of `resolvers.marks` in their extensions: to the binder they are
like any other. Read `names`, `outputs`, `inputs`, `fields`, `imported`.
"""
