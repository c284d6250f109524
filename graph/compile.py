"""Compile a plan: typed decoders for the replies, and generated Python that joins and projects them.

Theory of operation. For every fetch there is a `Need` (what its payload must give) and from it a decoder that reads
nothing else and refuses what the schema does not promise. Two kinds of functions are generated as text:

    keys_3(R)    the keys that fetch 3 needs, gathered from the decoded results of the fetches above it
    build(R)     the response's data, from all results

``build`` works bottom-up: for each site it makes an index from key to finished output, so an entity that many parents
share is projected once, and a join is one dict lookup. Outputs are Structs whose encode names are the response keys;
where an output would equal the decoded Struct, that is used as it is.

Generated text holds no text from outside: fields are numbered, constants are bound in the namespace. So two operations
that differ in names only give the same text, and the compiled code is shared.

Whatever is not as the schema promises - a body that the decoder refuses, a missing link behind a non-null field, a
value that does not convert - raises, and the exact path answers instead, from the same replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from types import CodeType
from typing import Any

import cachetools
import graphql

from graph.decode import KEY, MATCH, Decoders, Need, Uncompilable, leaf_type
from graph.plan import Fetch, GlobalIdOf, Leaf, Nested, Output, Plan, Shape, Site, TypeName, Withheld
from graph.program import Program, Step
from graph.read import converter, cut_items, cut_list, cut_lists, must, text
from graph.reading import Readers
from graph.want import Wants
from resolvers import Bindings, Fetching, Python, decoder_of, global_id, mark_of


class Compiler:
    """Compiles the plans of one graph; Structs, decoders and code are shared between operations."""

    def __init__(self, bindings: Bindings, size: int = 2000) -> None:
        self.decoders = Decoders(size)
        self._bindings = bindings
        self._code: cachetools.LRUCache[str, CodeType] = cachetools.LRUCache(size)

    def compile(self, plan: Plan) -> Program:
        """Give the program.

        Raises:
            Uncompilable: only the exact path can answer; it says why.
        """
        if plan.obstacles:
            raise Uncompilable("; ".join(plan.obstacles))
        try:
            return _Writer(plan, self.decoders, self._bindings, self._run).program()
        except (SyntaxError, RecursionError, ValueError) as exc:
            raise Uncompilable("the operation is nested too deeply") from exc

    def _run(self, text: str, namespace: dict[str, Any]) -> None:
        code = self._code.get(text)
        if code is None:
            code = self._code[text] = compile(text, "<operation>", "exec")
        exec(code, namespace)  # the text is ours: it holds numbered names only


class _Writer:
    def __init__(
        self,
        plan: Plan,
        decoders: Decoders,
        bindings: Bindings,
        run: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.plan = plan
        self.decoders = decoders
        self.kinds = bindings.kinds
        self.run = run
        self.wants = Wants(plan, bindings.boxes)
        self.namespace: dict[str, Any] = {"text": text, "must": must, "cut": cut_items, "EMPTY": []}
        self.lines: list[str] = []
        self.variables, self.sites = 0, dict[int, int]()
        self.agreeing: dict[int, bool] = {}
        self.converters: dict[tuple[str, int, int], str] = {}
        self.owns: set[str] = set()
        self.split: dict[int, bool] = {}
        self.functions: list[str] = []
        self.fetched = Counter(id(fetch.calls.call) for fetch in plan.fetches if isinstance(fetch.binding, Fetching))
        for fetch in plan.fetches:
            for site in fetch.sites:
                self.sites[id(site)] = len(self.sites)

    def program(self) -> Program:
        plan = self.plan
        make = Readers(self.wants, self.decoders, self.kinds)
        readers = [make.reader(fetch) for fetch in plan.fetches]
        gathered = [self._keys_function(fetch) for fetch in plan.fetches]
        self._build_function()
        self.run("\n".join([*self.lines, *self.functions]), self.namespace)
        steps = tuple(
            Step(
                fetch,
                self.namespace[f"keys_{fetch.number}"] if has_keys else None,
                reader,
                self._cutter(fetch),
                tuple(below.number for below in plan.below(fetch)),
                len(fetch.parents),
            )
            for fetch, reader, has_keys in zip(plan.fetches, readers, gathered, strict=True)
        )
        return Program(steps, self.namespace["build"])

    def _cutter(self, fetch: Fetch) -> Callable[[Any, int], Any]:
        call = fetch.binding
        if not isinstance(call, Fetching) or not call.is_cut or not call.parents:
            return cut_list
        if call.batch is None:
            return cut_lists
        cut: Callable[[Any, int], Any] = self.namespace[f"cut_{fetch.number}"]
        return cut

    # -- keys -----------------------------------------------------------------------------------------------------

    def _keys_function(self, fetch: Fetch) -> bool:
        call = fetch.binding
        if isinstance(call, Python) or not call.parents:
            return False
        self.lines.append(f"def keys_{fetch.number}(R):")
        self.lines.append(" seen = {}")
        for site in fetch.sites:
            self._gather(site)
        self.lines.append(" return list(seen)")
        if call.is_cut and call.batch is not None:
            self.lines.append(f"def cut_{fetch.number}(items, kept):")
            self.lines.append(f" return cut(items, kept, lambda x: {self._item_key(fetch)})")
        return True

    def _gather(self, site: Site) -> None:
        chain: list[tuple[Shape, Nested]] = []
        shape = site.owner
        while shape.parent is not None:
            chain.append((shape, shape.parent[1]))
            shape = shape.parent[0]
        fetch = shape.fetch
        if fetch is None or not isinstance(site.binding, Fetching):
            raise Uncompilable("keys from the root")
        indent, variable = self._enter(fetch, shape.whole or shape)
        indent = self._narrow(shape, variable, indent)
        for below, nested in reversed(chain):
            need = self.wants.shapes[id(shape)]
            expression, _ = self.wants.object(need, variable, nested.path, nested.selected.field.type)
            indent, variable = self._loop(nested.selected.field.type, expression, indent)
            indent = self._narrow(below, variable, indent)
            shape = below
        need = self.wants.shapes[id(site.owner)]
        found = [
            self.wants.reading(need, variable, site.owner, reading, site.binding) for reading in site.binding.parents
        ]
        pad = " " * indent
        if site.binding.many_keys:
            self.lines.append(f"{pad}for k in {found[0]} or ():")
            self.lines.append(f"{pad} if k is not None: seen[k] = None")
        elif len(found) == 1:
            self.lines.append(f"{pad}k = {found[0]}")
            self.lines.append(f"{pad}if k is not None: seen[k] = None")
        else:
            self.lines.append(f"{pad}k = ({', '.join(found)})")
            self.lines.append(f"{pad}if None not in k: seen[k] = None")

    def _narrow(self, shape: Shape, variable: str, indent: int) -> int:
        """Write the test that an object is of a shape's type, where it may be of another; give the indent after it."""
        if shape.whole is None:
            return indent
        self.lines.append(f"{' ' * indent}if type({variable}) is {self._struct(shape)}:")
        return indent + 1

    def _struct(self, shape: Shape) -> str:
        return self._constant(self.decoders.struct(self.wants.shapes[id(shape)]))

    def _enter(self, fetch: Fetch, shape: Shape) -> tuple[int, str]:
        """Write the loops from a fetch's result to its objects; give the indent and variable inside them."""
        call = fetch.calls
        site = next(site for site in fetch.sites if site.shape is shape)
        kind, result = site.selected.field.type, self._result(site)
        if call.batch is not None and call.parents:
            variable = self._variable()
            self.lines.append(f" for {variable} in {result}:")
            return 2, variable
        if not call.parents:
            return self._loop(kind, result, 1)
        variable = self._variable()
        self.lines.append(f" for {variable} in {result}.values():")
        return self._loop(graphql.get_nullable_type(kind) if not call.is_entity else None, variable, 2)

    def _result(self, site: Site) -> str:
        """Give the expression for what a fetch gave to one of its sites.

        Sites that share a fetch, and fetches that share replies, may have other fetches below them: what is fetched
        below one of them must not be asked for the objects of another. So a function picks the items of its own keys.
        """
        fetch = site.fetch
        result = f"R[{fetch.number}]"
        if fetch.number not in self.split:
            many = len(fetch.sites) > 1 or self.fetched[id(fetch.calls.call)] > 1
            self.split[fetch.number] = many and bool(fetch.calls.parents) and any(map(_leads_on, fetch.sites))
        if not self.split[fetch.number]:
            return result
        name = f"own_{self.sites[id(site)]}"
        if name not in self.owns:
            self.owns.add(name)
            outer, self.lines = self.lines, [f"def {name}(R):", " seen = {}"]
            self._gather(site)
            self.lines.append(f" held = {{{self._as_key('k', site)} for k in seen}}")
            if fetch.calls.batch is None:
                self.lines.append(f" return {{k: x for k, x in {result}.items() if {self._as_key('k', site)} in held}}")
            else:
                key = self._as_key(self._item_key(fetch), site)
                self.lines.append(f" return [x for x in {result} if {key} in held]")
            self.functions += self.lines
            self.lines = outer
        return f"{name}(R)"

    def _loop(self, kind: Any, expression: str, indent: int) -> tuple[int, str]:
        nullable = not isinstance(kind, graphql.GraphQLNonNull)
        inner = kind if nullable else kind.of_type
        pad, variable = " " * indent, self._variable()
        if isinstance(inner, graphql.GraphQLList):
            self.lines.append(f"{pad}for {variable} in {expression}{' or ()' if nullable else ''}:")
            return self._loop(inner.of_type, variable, indent + 1)
        self.lines.append(f"{pad}{variable} = {expression}")
        if not nullable:
            return indent, variable
        self.lines.append(f"{pad}if {variable} is not None:")
        return indent + 1, variable

    def _variable(self) -> str:
        self.variables += 1
        return f"v{self.variables}"

    # -- the response ---------------------------------------------------------------------------------------------

    def _build_function(self) -> None:
        self.lines.append("def build(R):")
        sites = [site for fetch in self.plan.fetches for site in fetch.sites]
        for site in sorted(sites, key=lambda found: -found.fetch.hop):
            if isinstance(site.binding, Fetching):
                self._index(site, site.binding)
        keys: list[str] = []
        for output in self.plan.root.outputs:
            name = self._constant(output.selected.key)
            keys.append(f"{name}: {self._output(self.plan.root, output, 'None', None)}")
        self.lines.append(f" return {{{', '.join(keys)}}}")

    def _index(self, site: Site, call: Fetching) -> None:
        """Write the index from key to output of one site; without keys, the output itself."""
        number, result = self.sites[id(site)], self._result(site)
        kind = site.selected.field.type
        if not call.parents:
            self.lines.append(f" I{number} = {self._value(site, kind, result)}")
            return
        if call.batch is None:
            key = self._as_key("k", site)
            shown = graphql.get_nullable_type(kind) if not call.is_entity else None
            value = self._value(site, shown, "x")
            self.lines.append(f" I{number} = {{{key}: {value} for k, x in {result}.items() if x is not None}}")
            return
        key = self._as_key(self._item_key(site.fetch), site)
        if site.shape is None:
            raise Uncompilable("a batch of scalars")
        value = self._shape(site.shape, "x")
        if not call.call.many:
            self.lines.append(f" I{number} = {{{key}: {value} for x in {result}}}")
            return
        self.lines.append(f" I{number} = {{}}")
        self.lines.append(f" for x in {result}:")
        self.lines.append(f"  k = {key}")
        self.lines.append(f"  if k in I{number}: I{number}[k].append({value})")
        self.lines.append(f"  else: I{number}[k] = [{value}]")

    def _item_key(self, fetch: Fetch) -> str:
        """Give the expression for the key that an item ``x`` of a batch says it belongs to."""
        need, match = self.wants.key_need(fetch), fetch.calls.match
        found = [self.wants.leaf(need, "x", path, KEY) for path in match]
        parts = [part if len(path) == 1 else f"must({part})" for part, path in zip(found, match, strict=True)]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def _value(self, site: Site, kind: Any, expression: str) -> str:
        shape = site.shape
        if shape is None:
            return self._leaf_value(kind, expression, site.fetch, site.selected.field)
        return self._mapped(kind, expression, lambda variable: self._shape(shape, variable))

    def _output(self, shape: Shape, output: Output, variable: str, need: Need | None) -> str:
        if isinstance(output, TypeName):
            return self._constant(shape.type.name)
        if isinstance(output, Withheld):
            return "None"
        if isinstance(output, Site):
            return self._join(output, variable)
        if need is None:
            raise Uncompilable("a property of the root")
        if isinstance(output, GlobalIdOf):
            parts = [self.wants.leaf(need, variable, path, MATCH) for path in output.paths]
            return f"{self._constant(global_id)}({', '.join([self._constant(output.type_name), *parts])})"
        kind = output.selected.field.type
        if isinstance(output, Leaf):
            expression = self.wants.leaf(need, variable, output.path, leaf_type(kind))
            if len(output.path) > 1 and isinstance(kind, graphql.GraphQLNonNull):
                expression = f"must({expression})"
            return self._leaf_value(kind, expression, shape.fetch, output.selected.field)
        expression, _ = self.wants.object(need, variable, output.path, kind)
        if len(output.path) > 1 and isinstance(kind, graphql.GraphQLNonNull):
            expression = f"must({expression})"
        return self._mapped(kind, expression, lambda inner: self._shape(output.shape, inner))

    def _join(self, site: Site, variable: str) -> str:
        index = f"I{self.sites[id(site)]}"
        call = site.binding
        kind = site.selected.field.type
        if isinstance(call, Python):
            return f"R[{site.fetch.number}]"
        if not call.parents:
            return index
        need = self.wants.shapes[id(site.owner)]
        readings = [self.wants.reading(need, variable, site.owner, reading, call) for reading in call.parents]
        nullable = not isinstance(kind, graphql.GraphQLNonNull)
        if call.many_keys:
            listed_kind: Any = graphql.get_nullable_type(kind)
            inner = listed_kind.of_type
            found = f"{index}[{self._as_key('k', site)}]"
            if not isinstance(inner, graphql.GraphQLNonNull):
                found = f"{index}.get({self._as_key('k', site)})"
            listed = f"[{found} for k in {readings[0]}]"
            return f"(None if {readings[0]} is None else {listed})" if nullable else listed
        key = self._as_key(readings[0] if len(readings) == 1 else f"({', '.join(readings)})", site)
        if call.call.many and call.batch is not None:
            return f"{index}.get({key}, EMPTY)"
        return f"{index}.get({key})" if nullable else f"{index}[{key}]"

    def _as_key(self, expression: str, site: Site) -> str:
        """Make keys comparable: text on both sides, unless both sides are known to be of one type."""
        return expression if self._keys_agree(site.fetch) else f"text({expression})"

    def _keys_agree(self, fetch: Fetch) -> bool:
        known = self.agreeing.get(fetch.number)
        if known is None:
            known = self.agreeing[fetch.number] = self._compare_keys(fetch)
        return known

    def _compare_keys(self, fetch: Fetch) -> bool:
        kinds: set[str] = set()
        call = fetch.calls
        if len(call.parents) != 1:
            return False
        for site in fetch.sites:
            if not isinstance(site.binding, Fetching) or site.owner.fetch is None:
                return False
            reading = site.binding.parents[0]
            need = self.wants.shapes[id(site.owner)]
            kinds.add(need.key_kind(reading.where(site.owner.fetch.calls.source)))
        if call.batch is not None:
            kinds.add(self.wants.needs[fetch.number].key_kind(call.match[0]))
        elif self.fetched[id(call.call)] > 1:
            return False  # what another fetch has asked for comes under its form of the key
        return len(kinds) == 1 and kinds <= {"Int", "String"}

    def _shape(self, shape: Shape, variable: str) -> str:
        need = self.wants.shapes[id(shape)]
        if shape.options:
            found = "must(None)"
            for option in reversed(shape.options):
                found = f"({self._shape(option, variable)} if type({variable}) is {self._struct(option)} else {found})"
            return found
        if self._is_verbatim(shape, need):
            return variable
        expressions = [self._output(shape, output, variable, need) for output in shape.outputs]
        name = self._constant(self.decoders.output(tuple(output.selected.key for output in shape.outputs)))
        return f"{name}({', '.join(expressions)})"

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def _is_verbatim(self, shape: Shape, need: Need) -> bool:
        """Tell whether the decoded Struct encodes as exactly the output: same names, same order, nothing to convert."""
        names: list[str] = []
        for output in shape.outputs:
            if not isinstance(output, Leaf) or len(output.path) != 1 or output.path[0] != output.selected.key:
                return False
            if self._convert(shape.fetch, output.selected.field) is not None:
                return False
            names.append(output.selected.key)
        return names == list(need.names)

    def _leaf_value(self, kind: Any, expression: str, fetch: Fetch | None, field: graphql.GraphQLField) -> str:
        convert = self._convert(fetch, field)
        if convert is None:
            return expression
        return self._mapped(kind, expression, lambda variable: f"{convert}({variable})")

    def _convert(self, fetch: Fetch | None, field: graphql.GraphQLField) -> str | None:
        """Give the name of the function from a decoded value to what is encoded; None where they are the same."""
        kind: Any = graphql.get_named_type(field.type)
        if kind.name in ("Int", "Float", "String", "Boolean"):
            return None
        if kind.name == "ID":
            return "str"
        if fetch is None:
            raise Uncompilable("a leaf of the root")
        source, mark = fetch.calls.source, mark_of(field)
        spelled = (kind.name, source.serial, id(mark))
        if spelled not in self.converters:
            self.converters[spelled] = self._constant(converter(kind, decoder_of(kind, source, mark)))
        return self.converters[spelled]

    def _mapped(self, kind: Any, expression: str, item: Callable[[str], str]) -> str:
        """Write ``item`` applied inside the lists and nulls of a type; ``kind`` None is a value that may lack."""
        nullable = not isinstance(kind, graphql.GraphQLNonNull)
        inner = kind if nullable or kind is None else kind.of_type
        if isinstance(inner, graphql.GraphQLList):
            variable = self._variable()
            value = self._mapped(inner.of_type, variable, item)
            mapped = expression if value == variable else f"[{value} for {variable} in {expression}]"
        elif expression.replace(".", "").isalnum():
            mapped = item(expression)
        else:
            bound, found = self._variable(), expression if nullable else f"must({expression})"
            return f"(None if ({bound} := {found}) is None else {item(bound)})"
        if not nullable or mapped == expression:
            return mapped
        return f"(None if {expression} is None else {mapped})"


def _leads_on(site: Site) -> bool:
    """Tell whether there are fetches below a site."""
    waiting = [site.shape]
    while waiting:
        shape = waiting.pop()
        if shape is None:
            continue
        waiting.extend(shape.options)
        for output in shape.outputs:
            if isinstance(output, Site):
                return True
            if isinstance(output, Nested):
                waiting.append(output.shape)
    return False
