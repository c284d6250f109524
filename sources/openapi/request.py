"""An operation as an endpoint: what is sent for it, and how what comes back is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sources.auth import Auth
from sources.body import Encodes
from sources.endpoint import Endpoint
from sources.manner import Manner, Reads
from sources.openapi.carried import carried
from sources.openapi.media import accept_of, reads_of
from sources.openapi.operation import Answer, Operation
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
    with_results: bool = False,
    taken: Iterable[str] = (),
) -> Endpoint:
    """Give the endpoint of an operation.

    Args:
        parameters: those of the operation that are used, with their variables.
        body: what `payload_of` makes.
        items: property names from the reply's root to the payload.
        auth: how the gateway authenticates; None for the source's own way.
        url: base address in place of the source's, in full.
        with_results: whether documented failures are answers, and every answer says its status.
        taken: names of the query that belong to credentials.

    Raises:
        DeclarationError: a place of the path has no parameter, a header or a cookie has an impossible name, or the
            address is none.
    """
    parameters = tuple(parameters)
    reads, accept = reading_of(operation)
    manner = Manner(reads=reads, results=results_of(operation.answers) if with_results else None, auth=auth, url=url)
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
    if not successes and "DEFAULT" in answers:
        successes = [answers["DEFAULT"]]
    medias = [media for answer in successes for media in answer.contents]
    if operation.method == "HEAD" or (successes and not medias):
        return Reads.NOTHING, accept_of(medias)
    return (reads_of(medias) if medias else Reads.JSON), accept_of(medias or ["*/*"])


def results_of(answers: Mapping[str, Answer]) -> tuple[tuple[str, Reads], ...]:
    """Give what the reply of each documented status is, as `Manner.results` takes it."""
    return tuple((status.upper(), _reads(tuple(answer.contents))) for status, answer in answers.items())


def _reads(medias: Sequence[str]) -> Reads:
    return reads_of(medias) if medias else Reads.NOTHING
