"""An operation as an endpoint: what is sent for it, and how what comes back is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sources.auth import Auth
from sources.body import Encodes
from sources.endpoint import Endpoint
from sources.manner import Manner, Reads
from sources.openapi.carried import carried
from sources.openapi.media import accept_of
from sources.openapi.operation import Operation
from sources.openapi.operation_template import OperationTemplate
from sources.openapi.placed import Placed


def endpoint_for(
    operation: Operation,
    parameters: Iterable[Placed],
    *,
    body: Encodes | None = None,
    items: tuple[str, ...] = (),
    reads: Reads = Reads.JSON,
    medias: Sequence[str] = (),
    results: tuple[tuple[str, Reads], ...] | None = None,
    auth: Auth | None = None,
    url: str | None = None,
    taken: Iterable[str] = (),
) -> Endpoint:
    """Give the endpoint of an operation.

    Args:
        parameters: those of the operation that are used, with their variables.
        body: what `payload_of` makes.
        items: property names from the reply's root to the payload.
        reads: what a reply of success is.
        medias: the media types of such a reply.
        results: the statuses whose replies are answers; see `Manner`.
        auth: how the gateway authenticates; None for the source's own way.
        url: base address in place of the source's, in full.
        taken: names of the query that belong to credentials.

    Raises:
        DeclarationError: a place of the path has no parameter, a header or a cookie has an impossible name, or the
            address is none.
    """
    parameters = tuple(parameters)
    manner = Manner(reads=reads, results=results, auth=auth, url=url)
    return Endpoint(
        operation.method,
        OperationTemplate(operation.path, parameters, taken=taken),
        items,
        body,
        (("accept", accept_of(medias or ["*/*"])), *carried(parameters)),
        None if manner == Manner() else manner,
    )
