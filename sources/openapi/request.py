"""An operation as an endpoint: what is sent for it, and how what comes back is read."""

from __future__ import annotations

from collections.abc import Iterable

from sources.auth import Auth
from sources.body import Encodes
from sources.endpoint import Endpoint
from sources.manner import Manner, Reads
from sources.openapi.carried import carried
from sources.openapi.media import accept_of, reads_of
from sources.openapi.operation import Operation
from sources.openapi.operation_template import OperationTemplate
from sources.openapi.placed import Placed


def endpoint_for(
    operation: Operation,
    parameters: Iterable[Placed],
    *,
    body: Encodes | None = None,
    items: tuple[str, ...] = (),
    auth: Auth | None = None,
    url: str | None = None,
    reads: Reads | None = None,
    results: tuple[tuple[str, Reads], ...] | None = None,
    taken: Iterable[str] = (),
) -> Endpoint:
    """Give the endpoint of an operation.

    Args:
        parameters: those of the operation that are used, with their variables.
        body: what `payload_of` makes.
        items: property names from the reply's root to the payload.
        auth: how the gateway authenticates; None for the source's own way.
        url: base address in place of the source's, in full.
        reads: what a reply of success is; None for what `reading_of` says.
        results: the statuses whose replies are answers; see `Manner`.
        taken: names of the query that belong to credentials.

    Raises:
        DeclarationError: a place of the path has no parameter, a header or a cookie has an impossible name, or the
            address is none.
    """
    parameters = tuple(parameters)
    usual, accept = reading_of(operation)
    manner = Manner(reads=reads or usual, results=results, auth=auth, url=url)
    return Endpoint(
        operation.method,
        OperationTemplate(operation.path, parameters, taken=taken),
        items,
        body,
        (("accept", accept), *carried(parameters)),
        None if manner == Manner() else manner,
    )


def reading_of(operation: Operation) -> tuple[Reads, str]:
    """Give what a reply of success is, and the header ``Accept`` that asks for it.

    An answer that is documented without a body is nothing to read; where nothing at all is said of success, it is
    taken for JSON.
    """
    answers = operation.answers
    successes = [answer for answer in answers.values() if answer.is_success]
    if not successes and "default" in answers:
        successes = [answers["default"]]
    medias = [media for answer in successes for media in answer.contents]
    if operation.method == "HEAD" or (successes and not medias):
        return Reads.NOTHING, accept_of(medias)
    return (reads_of(medias) if medias else Reads.JSON), accept_of(medias or ["*/*"])
