"""The scalar `Upload`: a file of a client's request, and how a declaration may pass it on to a backend."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import graphql
from strawberry.file_uploads import Upload as StrawberryUpload

from resolvers.marks import argument_names
from resolvers.scalars import definition_of_scalar
from sources import Call, Endpoint, File, variable_of

Holds = Callable[[Any], bool]


class Upload(File):
    """A file that a client sends with its request: ``def attach(self, file: Upload) -> Document: ...``.

    It arrives while the operation runs, and is read once: by one field, in pieces (``async for piece in file``) or with
    ``await file.read()``. `filename` and `content_type` are what the client says, made harmless, not what is true.
    """


def _parse(value: object) -> Upload:
    if isinstance(value, Upload):
        return value
    raise graphql.GraphQLError("An Upload is a part of a multipart/form-data request, not a value.")


def _refuse(*_: Any) -> NoReturn:
    raise graphql.GraphQLError("An Upload is a part of a multipart/form-data request, not a value.")


UPLOAD = graphql.GraphQLScalarType(
    "Upload",
    serialize=_refuse,
    parse_value=_parse,
    parse_literal=_refuse,
    description="A file, sent as a part of a `multipart/form-data` request.",
    specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
)
_SCALAR = definition_of_scalar(UPLOAD)
UPLOAD_SCALARS: dict[object, Any] = {Upload: _SCALAR, StrawberryUpload: _SCALAR}


def is_upload(kind: object) -> bool:
    """Tell whether a type of a schema is the scalar of files, or a list of it."""
    return graphql.is_type(kind) and graphql.get_named_type(kind) is UPLOAD


def takes_uploads(schema: graphql.GraphQLSchema) -> bool:
    """Tell whether a schema has an argument that is a file, or holds one."""
    return any(map(is_upload, schema.type_map.values()))


def await_uploads(field: graphql.GraphQLField, holds_file: Holds) -> None:
    """Let a resolver in Python be called when its files have begun to arrive: then their names are known."""
    resolve = field.resolve
    if resolve is None or not any(holds_file(argument.type) for argument in field.args.values()):
        return

    async def resolve_later(parent: Any, info: Any, **arguments: Any) -> Any:
        for upload in _uploads_in(arguments):
            await upload.arrive()
        answer = resolve(parent, info, **arguments)
        return await answer if inspect.isawaitable(answer) else answer

    field.resolve = resolve_later


def _uploads_in(value: object) -> Iterator[Upload]:
    if isinstance(value, Upload):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _uploads_in(item)


def upload_faults(
    element: graphql.GraphQLField,
    call: Call,
    endpoint: Endpoint,
    holds_file: Holds,
    *,
    has_parents: bool,
) -> Iterator[str]:
    """Give what is wrong with how a stub's files travel: each in the body of a write, as it or as a field of a form.

    Args:
        holds_file: tells whether a value of an input type may hold a file.
    """
    for given, name in argument_names(element).items():
        kind = element.args[given].type
        if not holds_file(kind):
            continue
        variables = {variable for variable in endpoint.variables if call.inputs.get(variable, variable) == name}
        if call.reads or has_parents:
            yield f"the argument {name!r} holds a file, which goes to one object, with post, put or patch"
        elif call.default_body or endpoint.body is None:
            yield f"say how the file in {name!r} travels: body='{{{name}}}' or body=Form(...)"
        elif not variables.isdisjoint(endpoint.template.variables) or any(
            variable_of(text) in variables for _, text in endpoint.headers
        ):
            yield f"the argument {name!r} holds a file, which may stand in a body only"
        elif not _fits(endpoint.body.skeleton, variables, kind, holds_file, is_form=endpoint.body.is_form):
            yield (
                f"the file in {name!r} cannot stand there: a body that is a file needs one (Upload), "
                "and a Form takes files as fields (Upload, list[Upload], or attributes of the one object it is)"
            )


def _fits(skeleton: object, variables: set[str], kind: Any, holds_file: Holds, *, is_form: bool) -> bool:
    """Tell whether a file may stand where an argument stands in a body."""
    whole = variable_of(skeleton) in variables
    if not is_form:
        return whole and isinstance(kind, graphql.GraphQLNonNull) and _is_list(kind) is False and is_upload(kind)
    if whole:
        named: Any = graphql.get_nullable_type(kind)
        return isinstance(named, graphql.GraphQLInputObjectType) and all(
            is_upload(field.type) or not holds_file(field.type) for field in named.fields.values()
        )
    fields = skeleton.values() if isinstance(skeleton, Mapping) else ()
    return is_upload(kind) and not any(_mentions(field, variables) for field in fields if variable_of(field) is None)


def _mentions(node: object, variables: set[str]) -> bool:
    if isinstance(node, Mapping):
        return any(_mentions(item, variables) for item in node.values())
    if isinstance(node, list | tuple):
        return any(_mentions(item, variables) for item in node)
    return variable_of(node) in variables


def _is_list(kind: Any) -> bool:
    return isinstance(graphql.get_nullable_type(kind), graphql.GraphQLList)
