"""Backends that describe themselves in OpenAPI: their documents, and requests as these say.

Requests: read `media`, `placed`, `serial`, `operation_template`, `carried`, `payload`, `security`, `request`.
"""
