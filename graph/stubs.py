"""Operations of a document written as stubs of a `Rest`."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urljoin

import graphql

from graph.layout import Group, Part, Text, call, docstring, lines, literal
from graph.spelling import Spelling
from resolvers import OPERATION, mark_on
from resolvers.openapi import field_name
from sources import ApiKey, Call, DeclarationError, OAuth2, Template
from sources.openapi import OpenAPI, Operation, Parameter

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\{([^{}]*)\}")
_FILLED = re.compile(r"(\{[^{}]*\})")
_NAME = re.compile(r"[^?&,*]+")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class _Unwritten(Exception):
    """A stub that cannot be written, and why."""


class Stubs:
    """Writes fields that are calls.

    Args:
        variable: what the file calls the source.
        left: takes what is left out.
    """

    def __init__(self, spelling: Spelling, source: OpenAPI, variable: str, left: list[str]) -> None:
        self._spelling = spelling
        self._source = source
        self._variable = variable
        self._left = left

    def of(self, owner: str, name: str, field: graphql.GraphQLField, taken: set[str]) -> list[str]:
        """Give the lines of a stub; none where it is left out."""
        operation = field.extensions.get(OPERATION)
        try:
            if not isinstance(operation, Operation):
                raise _Unwritten("it is no operation")
            return list(self._stub(name, field, operation, taken))
        except _Unwritten as exc:
            self._left.append(f"{owner}.{name}: {exc}")
            return []

    def _stub(self, name: str, field: graphql.GraphQLField, operation: Operation, taken: set[str]) -> Iterator[str]:
        mark = mark_on(field)
        if not isinstance(mark, Call) or operation.method not in _METHODS:
            raise _Unwritten(f"{operation.method} is no call that can be written")
        address = self._source.address(operation)
        if address is not None and address.rstrip("/") != self._source.url.rstrip("/"):
            raise _Unwritten(f"its backend is at {address}, which takes a Rest of its own")
        _check_answers(operation)
        spelling = self._spelling
        arguments: dict[str, tuple[str, graphql.GraphQLArgument]] = {}
        used = set[str]()
        for known, argument in field.args.items():
            arguments[known] = spelling.attribute(known, used), argument
            used.add(arguments[known][0])
        sent = self._sent(name, operation, arguments)
        for known, (attribute, argument) in arguments.items():
            if attribute not in sent.used:
                if graphql.is_required_argument(argument):
                    raise _Unwritten(f"its call has no place for {known}")
                sent.unsent.add(known)
        options = [literal(sent.template), *sent.options]
        if operation.deprecated:
            options.append(Text(field.deprecation_reason or "", "deprecation_reason="))
        attribute = spelling.attribute(name, taken)
        taken.add(attribute)
        if not spelling.says(attribute, name):
            yield f"    {self._decorator(name)}"
        method = operation.method.lower()
        if mark.reads and method == "post":
            raise _Unwritten("a read by POST is written with Post(...)")
        yield from lines(call(f"@{self._variable}.{method}", *options), 1)
        parameters = list(self._parameters(arguments, sent.unsent))
        answer = f") -> {spelling.annotation(field.type)}:"
        definition = Group(f"def {attribute}(", ("self", *parameters), answer, is_definition=True)
        if field.description:
            yield from lines(definition, 1)
            yield from docstring(field.description, 2)
        else:
            yield from lines(definition, 1, after=" ...")

    def _decorator(self, name: str) -> str:
        return f"@strawberry.field(name={literal(name)})"

    # -- what is sent ---------------------------------------------------------------------------------------------

    def _sent(
        self, name: str, operation: Operation, arguments: dict[str, tuple[str, graphql.GraphQLArgument]]
    ) -> _Sent:
        sent = _Sent()
        variables: dict[str, str] = {}
        queried: list[str] = []
        named: dict[str, str] = {}
        for parameter in operation.parameters:
            known = _argument_for(parameter, arguments)
            if known is None:
                continue
            attribute, argument = arguments[known]
            problem = _problem(parameter)
            if _is_literal(parameter) and graphql.is_required_argument(argument):
                named[quote(parameter.name, safe="$")] = attribute  # it is always there, so its name can be as well
            elif problem is not None:
                if graphql.is_required_argument(argument):
                    raise _Unwritten(problem)
                self._left.append(f"{name}({known}:): {problem}")
            elif parameter.place == "path":
                variables[parameter.name] = attribute
            elif parameter.place == "query":
                queried.append(
                    parameter.name + ("*" if "array" in parameter.schema.kinds and parameter.explode else "")
                )
                if parameter.name != attribute:
                    sent.inputs[parameter.name] = attribute
            else:
                sent.headers[parameter.name] = attribute
        for placed in _PLACE.findall(operation.path):
            if placed not in variables:
                raise _Unwritten(f"nothing fills {{{placed}}} in its path")
        path = _PLACE.sub(lambda found: "{" + variables[found[1]] + "}", operation.path)
        path = _encoded(path if path.startswith("/") else f"/{path}")
        if "?" in path or "#" in path:
            raise _Unwritten("its path holds a query")
        clash = {*variables.values(), *named.values()} & {query.rstrip("*") for query in queried}
        if clash:
            raise _Unwritten(f"path and query both have {', '.join(sorted(clash))}")
        path += "?" + "&".join(f"{wire}={{{attribute}}}" for wire, attribute in named.items()) if named else ""
        sent.template = path + (("{&" if named else "{?") + ",".join(queried) + "}" if queried else "")
        try:
            Template(sent.template)
        except DeclarationError as exc:
            raise _Unwritten(str(exc)) from exc
        if operation.body is not None and operation.method != "GET":
            self._add_body(operation, arguments, sent)
        return sent

    def _add_body(
        self, operation: Operation, arguments: dict[str, tuple[str, graphql.GraphQLArgument]], sent: _Sent
    ) -> None:
        known = next((name for name in arguments if name == "input" or re.fullmatch(r"input\d+", name)), None)
        if known is None or operation.body is None or not any("json" in media for media in operation.body.contents):
            raise _Unwritten("its body is no JSON")
        sent.body = arguments[known][0]

    # -- arguments ------------------------------------------------------------------------------------------------

    def _parameters(
        self, arguments: dict[str, tuple[str, graphql.GraphQLArgument]], unsent: set[str]
    ) -> Iterator[Part]:
        made = [
            self._parameter(known, attribute, argument)
            for known, (attribute, argument) in arguments.items()
            if known not in unsent
        ]
        yield from (part for part, is_required in made if is_required)
        yield from (part for part, is_required in made if not is_required)

    def _parameter(self, known: str, attribute: str, argument: graphql.GraphQLArgument) -> tuple[Part, bool]:
        kind: Any = argument.type
        default = self.default(argument)
        if not isinstance(default, str):
            if argument.default_value is not graphql.Undefined and graphql.is_non_null_type(kind):
                kind = kind.of_type  # a default that cannot be written: it may be left out all the same
            default = None if graphql.is_non_null_type(kind) else "None"
        options: list[Part] = []
        if not self._spelling.says(attribute, known):
            options.append(f"name={literal(known)}")
        if argument.deprecation_reason:
            options.append(Text(argument.deprecation_reason, "deprecation_reason="))
        if argument.description:
            options.append(Text(argument.description, "description="))
        annotation = self._spelling.annotation(kind)
        after = "" if default is None else f" = {default}"
        if not options:
            return f"{attribute}: {annotation}{after}", default is None
        told = call("strawberry.argument", *options)
        annotated = Group(f"{attribute}: {self._spelling.name('Annotated')}[", (annotation, told), f"]{after}")
        return annotated, default is None

    def default(self, element: graphql.GraphQLArgument | graphql.GraphQLInputField) -> str | list[str] | None:
        """Give a default as Python says it; None where there is none, or none that can be written."""
        value = element.default_value
        if value is graphql.Undefined:
            return None
        kind: Any = graphql.get_nullable_type(element.type)
        if isinstance(kind, graphql.GraphQLList):
            found = [self._value(item, kind.of_type) for item in value] if isinstance(value, list) else [None]
            return None if None in found else [text for text in found if text is not None]
        return self._value(value, kind)

    def _value(self, value: Any, kind: Any) -> str | None:
        kind = graphql.get_nullable_type(kind)
        if isinstance(kind, graphql.GraphQLEnumType):
            member = next((name for name, held in kind.values.items() if held.value == value), None)
            return None if member is None else f"{self._spelling.class_of(kind.name)}.{member}"
        if isinstance(kind, graphql.GraphQLScalarType) and kind.name in ("Int", "Float", "Boolean", "String", "ID"):
            if isinstance(value, str):
                return literal(value)
            return repr(value) if isinstance(value, bool | int | float) else None
        return None


def _encoded(path: str) -> str:
    """Give a path with what no template holds percent-encoded."""
    parts = enumerate(_FILLED.split(path))
    return "".join(part if index % 2 else quote(part, safe="/%:@!$&'()*+,;=~") for index, part in parts)


class _Sent:
    """What a request carries, as options of a stub."""

    def __init__(self) -> None:
        self.template = ""
        self.inputs: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.body: str | None = None
        self.unsent: set[str] = set()

    @property
    def used(self) -> set[str]:
        """The arguments that are sent."""
        path = (self.inputs.get(name, name) for name in _NAME.findall(",".join(_PLACE.findall(self.template))))
        return {*path, *self.inputs.values(), *self.headers.values(), *([self.body] if self.body else ())}

    @property
    def options(self) -> list[Part]:
        """What stands behind the template."""
        found: list[Part] = []
        if self.body is not None:
            found.append(f'body="{{{self.body}}}"')
        if self.headers:
            items = (f'{literal(name)}: "{{{attribute}}}"' for name, attribute in self.headers.items())
            found.append(Group("headers={", tuple(items), "}"))
        if self.inputs:
            items = (f"{literal(wire)}: {literal(attribute)}" for wire, attribute in self.inputs.items())
            found.append(Group("inputs={", tuple(items), "}"))
        return found


def _argument_for(parameter: Parameter, arguments: Container[str]) -> str | None:
    """Give the argument that a parameter is; None where it is not one."""
    for text in (parameter.name, f"{parameter.name} in {parameter.place}"):
        if field_name(text) in arguments:
            return field_name(text)
    return None


def _problem(parameter: Parameter) -> str | None:
    """Say why a parameter cannot be written; None where it can be."""
    if parameter.media is not None:
        return f"{parameter.name!r} is sent as {parameter.media}"
    if "object" in parameter.schema.kinds:
        return f"{parameter.name!r} is an object"
    if parameter.place == "cookie":
        return f"{parameter.name!r} is a cookie"
    if parameter.place == "query" and (parameter.style != "form" or not _VARIABLE.fullmatch(parameter.name)):
        return f"{parameter.name!r} has a name or style that no template has"
    if parameter.place == "path" and parameter.style != "simple":
        return f"{parameter.name!r} has a style that no template has"
    return None


def _is_literal(parameter: Parameter) -> bool:
    """Tell whether a parameter is one text in the query whose name is no variable's: ``api-version``."""
    is_plain = (
        parameter.place == "query" and parameter.media is None and not {"array", "object"} & parameter.schema.kinds
    )
    return is_plain and not _VARIABLE.fullmatch(parameter.name)


def _check_answers(operation: Operation) -> None:
    for answer in operation.answers.values():
        if (
            answer.is_success
            and answer.contents
            and not any("json" in media or media == "*/*" for media in answer.contents)
        ):
            raise _Unwritten(f"it answers {next(iter(answer.contents))}, and no JSON")


def authentication(source: OpenAPI, spelling: Spelling, left: list[str]) -> Group | None:
    """Give the credentials that a document asks for, as Python says them; None where it asks for none."""
    api = source.api
    if api is None or not api.schemes:
        return None
    asked = [names for names in api.security if names]
    for operation in api.operations:
        asked += [names for names in operation.security or () if names]
    if not asked:
        return None
    [*names] = asked[0]
    if len(set(map(tuple, asked))) > 1 or len(names) > 1:
        told = sorted({" and ".join(one) for one in asked})
        left.append(f"credentials: the document has {', '.join(told)}; every call is sent those of {names[0]}")
    if names[0] in source.unsupported:
        left.append(f"credentials: {source.unsupported[names[0]]}")
        return None
    made = _credentials(api.schemes.get(names[0], {}), source.variables.get(names[0], ""), source.url)
    if made is None:
        left.append(f"credentials: those of {names[0]} cannot be written")
        return None
    spelling.name(made.before.removesuffix("("))
    return made


def _credentials(scheme: Mapping[str, Any], variable: str, base: str) -> Group | None:
    """Give a security scheme's credentials, with the variables that the document's source reads as well."""
    kind, way = str(scheme.get("type")).lower(), str(scheme.get("scheme")).lower()
    flows = scheme.get("flows")
    flow = flows.get("clientCredentials") if isinstance(flows, Mapping) else None
    url = flow.get("tokenUrl") if isinstance(flow, Mapping) else None
    if kind == "apikey" and scheme.get("in") in ("header", "query", "cookie"):
        place, name = scheme["in"], str(scheme.get("name"))
        if not _is_taken(lambda: ApiKey(**{place: name}, env=variable)):
            return None
        told = literal(name) if place == "header" else f"{place}={literal(name)}"
        return call("ApiKey", told, f"env={literal(variable)}")
    if kind == "http" and way == "basic":
        user, password = literal(f"{variable}_USERNAME"), literal(f"{variable}_PASSWORD")
        return call("Basic", f"username_env={user}", f"env={password}")
    if isinstance(url, str) and _is_taken(lambda: OAuth2(urljoin(base, url), client_id="us", env=variable)):
        address = urljoin(base, url)
        user, secret = literal(f"{variable}_CLIENT_ID"), literal(f"{variable}_CLIENT_SECRET")
        return call("OAuth2", literal(address), f"client_id_env={user}", f"env={secret}")
    if (kind == "http" and way == "bearer") or kind in ("oauth2", "openidconnect"):
        return call("Bearer", f"env={literal(variable)}")
    return None


def _is_taken(declare: Callable[[], object]) -> bool:
    """Tell whether credentials can be declared with what a document says."""
    try:
        declare()
    except (DeclarationError, ValueError):  # the latter is urljoin's
        return False
    return True
