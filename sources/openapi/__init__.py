"""OpenAPI documents: found, read, made alike whatever their version, and asked as sources.

Like the package around it, it knows nothing of GraphQL. Read `document`, `loss`, `schema`, `operation`, `api`.
"""
