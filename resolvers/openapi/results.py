"""What an operation answers, as the type of its field.

An operation that answers one kind of thing is of that type. One that answers several, by status, is a union of them;
and so is one whose documented failures are results. A reply then says its status (see `sources.manner`), which tells
the members apart::

    union CreatePetResult = Pet | CreatePetConflict

A failure is a box with its status and what the backend says, and so is a success that is no object.
"""

from __future__ import annotations

import http
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import graphql

from resolvers import scalars
from resolvers.discriminator import Discriminator
from resolvers.marks import MARK, NAME, PropertyMark
from resolvers.openapi.names import type_name
from resolvers.openapi.outputs import Outputs
from resolvers.openapi.texts import described
from sources import BODY, STATUS, Reads
from sources.openapi import Answer, Kind, Losses, Operation, Schema, kind_of, reads_of

_DEFAULT = "default"
_RANGES = {"1XX": "Informational", "2XX": "Success", "4XX": "ClientError", "5XX": "ServerError", _DEFAULT: "Failure"}
_DONE = "Whether it is done."


@dataclass(frozen=True, slots=True)
class Result:
    """What the field of an operation gives.

    Args:
        kind: the field's type, null among its values.
        medias: the media types to ask for.
        results: of a union, how the reply of each status is read; see `Manner`.
    """

    kind: Any
    reads: Reads
    medias: Sequence[str] = ()
    results: tuple[tuple[str, Reads], ...] | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    status: str
    kind: Any
    reads: Reads
    answer: Answer
    schema: Schema | None = None
    is_failure: bool = False


class Results:
    """The results of one document's operations.

    Args:
        shows_failures: whether documented failures are results, and not errors.
    """

    def __init__(self, outputs: Outputs, losses: Losses, *, shows_failures: bool = False) -> None:
        self._outputs = outputs
        self._losses = losses
        self._shows_failures = shows_failures

    def of(self, operation: Operation, place: str) -> Result:
        """Give what an operation answers; `place` is what types are called that have no name of their own."""
        if operation.method == "HEAD":
            return Result(graphql.GraphQLBoolean, Reads.NOTHING)
        answers = list(_successes(operation))
        documented = [found for found in answers if found.contents] or answers[:1]
        failures = list(self._failures(operation)) if self._shows_failures else []
        is_sole = len(documented) < 2 and not failures
        replies = [
            self._reply(operation, found, f"{place}Result" if is_sole else place + _suffix(found.status), is_sole)
            for found in documented
        ]
        kinds = {(str(reply.kind), reply.reads) for reply in replies}
        medias = [media for found in documented for media in found.contents]
        if not replies:
            return self._unknown(operation)
        if len(kinds) == 1 and not failures:
            return Result(replies[0].kind, replies[0].reads, medias)
        failed = [self._failure(answer, schema, place) for answer, schema in failures]
        return Result(
            self._union(place, replies, failed),
            replies[0].reads,
            medias,
            tuple((reply.status, reply.reads) for reply in (*replies, *failed)),
        )

    def _failure(self, answer: Answer, schema: Schema, place: str) -> _Reply:
        kind = graphql.get_nullable_type(self._outputs.of(schema, f"{place}{_suffix(answer.status)}Error"))
        return _Reply(answer.status, kind, Reads.JSON, answer, schema, is_failure=True)

    def _unknown(self, operation: Operation) -> Result:
        if operation.method != "GET":
            return Result(graphql.GraphQLBoolean, Reads.NOTHING)
        self._losses.add(operation.pointer, "no-answer", f"nothing is said of what {operation} answers; it is JSON")
        return Result(scalars.ANY, Reads.JSON)

    def _failures(self, operation: Operation) -> Iterator[tuple[Answer, Schema]]:
        successes = set(_successes(operation))
        for answer in operation.answers.values():
            if answer not in successes and answer.status[:1] not in "123":
                schema = json_schema(answer)
                if schema is not None:
                    yield answer, schema

    def _reply(self, operation: Operation, answer: Answer, place: str, is_sole: bool) -> _Reply:
        if not answer.contents:
            if operation.method == "GET" and answer.status not in ("204", "205"):
                self._losses.add(answer.pointer, "no-schema", "nothing is said of what is answered; it is JSON")
                return _Reply(answer.status, scalars.ANY, Reads.JSON, answer)
            return _Reply(answer.status, graphql.GraphQLBoolean, Reads.NOTHING, answer)
        medias = list(answer.contents)
        reads = reads_of(medias)
        if reads is not Reads.JSON:
            if any(content.schema is not None and content.schema.properties for content in answer.contents.values()):
                self._losses.add(
                    answer.pointer,
                    "read-as-text",
                    f"an answer of {medias[0]} is given as it is, not by its schema",
                    "loosened",
                )
            return _Reply(answer.status, graphql.GraphQLString if reads is Reads.TEXT else scalars.BYTES, reads, answer)
        schema = json_schema(answer)
        if schema is None:
            self._losses.add(answer.pointer, "no-schema", "nothing is said of what is answered; it is JSON")
            return _Reply(answer.status, scalars.ANY, reads, answer)
        if not is_sole and not schema.properties:
            place += "Value"  # a box goes around it
        return _Reply(answer.status, graphql.get_nullable_type(self._outputs.of(schema, place)), reads, answer, schema)

    # -- unions ---------------------------------------------------------------------------------------------------

    def _union(self, place: str, replies: Sequence[_Reply], failed: Sequence[_Reply]) -> graphql.GraphQLUnionType:
        name = self._outputs.names.take(f"{place}Result")
        members: dict[str, graphql.GraphQLObjectType] = {}
        named: dict[str, str] = {}
        for reply in (*replies, *failed):
            member = reply.kind if _stands_alone(reply) else self._box(place, reply)
            members[member.name] = member
            named[reply.status] = member.name
        return graphql.GraphQLUnionType(
            name, list(members.values()), extensions={MARK: Discriminator(STATUS, *_statuses(named, replies[0].status))}
        )

    def _box(self, place: str, reply: _Reply) -> graphql.GraphQLObjectType:
        fields = {
            "status": graphql.GraphQLField(
                graphql.GraphQLNonNull(graphql.GraphQLInt),
                description="The status of HTTP.",
                extensions={MARK: PropertyMark((STATUS,), None), NAME: STATUS},
            )
        }
        if reply.reads is not Reads.NOTHING:
            kind, inside = self._inside(reply)
            fields["error" if reply.is_failure else "value"] = graphql.GraphQLField(
                kind, extensions={MARK: PropertyMark(inside, None), NAME: BODY}
            )
        name = self._outputs.names.take(place + _suffix(reply.status))
        return graphql.GraphQLObjectType(name, fields, description=described(reply.answer.description))

    def _inside(self, reply: _Reply) -> tuple[Any, tuple[str, ...]]:
        """Give the type of what a box holds, and where: an object's members stand beside the status."""
        kinds = frozenset() if reply.schema is None else reply.schema.kinds
        if reply.reads is not Reads.JSON or (kinds and "object" not in kinds):
            return reply.kind, (BODY,)
        if kinds == {"object"} and graphql.is_composite_type(reply.kind):
            return reply.kind, ()
        if reply.kind is not scalars.ANY:
            told = "an answer that may be an object or something else, or a map; beside other answers it is JSON"
            self._losses.add(reply.answer.pointer, "mixed-answer", told)
        return scalars.ANY, ()


def _stands_alone(reply: _Reply) -> bool:
    return isinstance(reply.kind, graphql.GraphQLObjectType) and not reply.is_failure


def says_json(operation: Operation) -> bool:
    """Tell whether any success of an operation is documented as JSON."""
    return any(json_schema(answer) is not None for answer in _successes(operation))


def json_schema(answer: Answer) -> Schema | None:
    """Give the schema of an answer in JSON; None where there is none."""
    found = (content.schema for media, content in answer.contents.items() if kind_of(media) is Kind.JSON)
    return next((schema for schema in found if schema is not None), None)


def _successes(operation: Operation) -> Iterator[Answer]:
    """Give the answers that are what was asked for; without any, what every other status is."""
    found = [answer for answer in operation.answers.values() if answer.is_success]
    default = operation.answers.get(_DEFAULT)
    yield from found or ([default] if default is not None else [])


def _suffix(status: str) -> str:
    """Give words for a status: ``NotFound``."""
    try:
        return type_name(http.HTTPStatus(int(status)).phrase)
    except ValueError:
        return _RANGES.get(status, type_name(f"status {status}"))


def _statuses(named: Mapping[str, str], usual: str) -> tuple[dict[Any, type | str], str]:
    """Give the member for each status, and that for every other one; an exact status goes before its range."""
    found: dict[Any, type | str] = {}
    for key, name in {"2XX": named[usual], **named}.items():
        if key.endswith("XX") and key[:1].isdigit():
            found.update(dict.fromkeys(range(int(key[0]) * 100, int(key[0]) * 100 + 100), name))
    found.update((int(key), name) for key, name in named.items() if key.isdigit())
    return found, named.get(_DEFAULT, named[usual])
