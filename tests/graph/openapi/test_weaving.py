"""Classes of Python that are types of a document."""

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any

import strawberry

from graph import Client, Graph
from resolvers import authenticated, field, link, requires
from sources import FakeTransport
from sources.openapi import OpenAPI
from tests.graph.openapi.market import Market, answer, customers_app, faults, orders_app, written


def test_a_class_is_the_type_of_the_document_with_all_that_it_adds(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        first_name: str = field(description="As friends say it.")

        @strawberry.field
        def greeting(self) -> str:
            return f"Hello {self.first_name}"

    graph = Graph(documents=[customers])

    assert graph.sdl().split("type Customer {\n")[1].split("}")[0] == (
        "  id: ID!\n"
        '\n  """As friends say it."""\n'
        "  firstName: String!\n"
        "  age: Int!\n"
        "  email: String\n"
        "  greeting: String!\n"
    )
    assert answer(graph, '{ getCustomer(customerId: "c1") { greeting age } }') == {
        "data": {"getCustomer": {"greeting": "Hello Ada", "age": 36}}
    }


def test_every_place_of_the_document_gives_the_class(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        @strawberry.field
        def letters(self) -> int:
            return 3

    graph = Graph(documents=[customers])
    assert answer(graph, "{ listCustomers { data { id letters } } }") == {
        "data": {"listCustomers": {"data": [{"id": "c1", "letters": 3}, {"id": "c2", "letters": 3}]}}
    }


def test_an_empty_class_names_the_type_for_annotations(shops: Market) -> None:
    customers = shops.customers()

    @customers.type("Customer")
    class Person:
        pass

    @strawberry.type
    class Query:
        @customers.get("/customers/{id}")
        def person(self, id: str) -> Person | None: ...

    graph = Graph(query=Query, documents=[customers])
    assert "Customer" not in graph.schema.type_map
    assert answer(graph, '{ person(id: "c2") { firstName email } getCustomer(customerId: "c1") { __typename } }') == {
        "data": {"person": {"firstName": "Grace", "email": None}, "getCustomer": {"__typename": "Person"}}
    }


def test_links_lead_from_one_document_to_another_in_one_call(shops: Market) -> None:
    customers, sold = shops.customers(), shops.orders()

    @customers.type(batch="listCustomers")
    class Customer:
        @sold.get("listOrders", batch="listOrders", group_by="customer_id", inputs={"customer_id": "id"})
        def orders(self) -> list["Order"]: ...

    @sold.type
    class Order:
        customer: Customer | None = link("customer_id")

    globals()["Order"] = Order  # where annotations that are texts are read
    graph = Graph(documents=[customers, sold])
    assert answer(graph, "{ listOrders { id customer { firstName orders { id } } } }") == {
        "data": {
            "listOrders": [
                {"id": "1", "customer": {"firstName": "Ada", "orders": [{"id": "1"}, {"id": "3"}]}},
                {"id": "2", "customer": {"firstName": "Grace", "orders": [{"id": "2"}]}},
                {"id": "3", "customer": {"firstName": "Ada", "orders": [{"id": "1"}, {"id": "3"}]}},
            ]
        }
    }
    assert shops.calls == [
        "GET /orders",
        "GET /customers?ids=c1&ids=c2",
        "GET /orders?customerId=c1&customerId=c2",
    ]


def test_types_of_a_document_are_entities_by_the_key_of_their_path(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        pass

    @strawberry.type
    class Ticket:
        holder_id: str
        holder: Customer | None = link("holder_id")

    @strawberry.type
    class Query:
        @strawberry.field
        def ticket(self) -> Ticket:
            return Ticket(holder_id="c2")

    graph = Graph(query=Query, documents=[customers])
    assert answer(graph, "{ ticket { holder { firstName } } }") == {
        "data": {"ticket": {"holder": {"firstName": "Grace"}}}
    }
    assert shops.calls == ["GET /customers/c2"]


def test_ages_are_those_of_source_type_and_field(shops: Market) -> None:
    customers = shops.customers(ttl=60)

    @customers.type(ttl=30)
    class Customer:
        age: int = field(ttl=0)

    graph = Graph(documents=[customers])

    async def ask() -> None:
        for _ in range(2):
            await graph.execute('{ getCustomer(customerId: "c1") { firstName } }')
        await graph.execute('{ getCustomer(customerId: "c1") { age } }')
        await graph.aclose()

    asyncio.run(ask())
    assert shops.calls == ["GET /customers/c1", "GET /customers/c1"]


def test_python_sees_what_the_class_declares_even_if_the_graph_does_not(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        first_name: strawberry.Private[str]

        @strawberry.field
        def initial(self) -> str:
            return self.first_name[0]

    graph = Graph(documents=[customers])
    assert "firstName" not in graph.schema.type_map["Customer"].fields  # type: ignore[attr-defined]  # an object type
    assert answer(graph, "{ listCustomers { data { initial } } }") == {
        "data": {"listCustomers": {"data": [{"initial": "A"}, {"initial": "G"}]}}
    }


def test_what_the_document_lacks_is_a_fault_that_names_both(tmp_path: Path) -> None:
    path = written(customers_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1")

    @shop.type
    class Customer:
        frist_name: str
        age: str
        mail: str | None = field("email.host")
        size: int = field("shoes.size")

    @shop.type("Custmer")
    class Person:
        pass

    assert faults(documents=[shop]) == [
        f"Customer.frist_name: the schema Customer of {path} has no property 'frist_name'; near it: 'first_name'",
        f"Customer.age: it is String!, but 'age' of the schema Customer of {path} is Int!",
        f"Customer.mail: the schema Customer of {path} has no property 'host' in 'email.host'",
        f"Customer.size: the schema Customer of {path} has no property 'shoes' in 'shoes.size'",
        f"Person: {path} has no type 'Custmer'; near it: 'Customer', 'Customers'",
    ]


def test_an_annotation_that_is_not_known_hides_no_fault_and_invents_none(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        city: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # that is the fault
        shoes: int

    @strawberry.type
    class Query:
        @customers.get("getCustomer")
        def customer(self, customer_id: str) -> Customer | None: ...

        @customers.get("findCustomer")
        def other(self, customer_id: str) -> Customer | None: ...

    found = faults(query=Query, documents=[customers])
    assert [fault.partition(": ")[0].rpartition("<locals>.")[2] for fault in found] == [
        "Customer",
        "Customer.city",
        "Customer.shoes",
        "Query.other",
        "Customer.city",
    ]
    assert found[0].partition(": ")[2].startswith("the annotation names 'Nowhere', which is not defined")


def test_a_class_that_is_taken_twice_is_a_fault(tmp_path: Path) -> None:
    path = written(orders_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1")

    @shop.type
    class Order:
        pass

    @shop.type("Order")
    class Again:
        pass

    assert faults(documents=[shop]) == [f"Again: 'Order' of {path} is Order already"]


PETS = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets": {
            "get": {
                "operationId": "pets",
                "responses": {
                    "200": {
                        "description": "All of them.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "array",
                                    "items": {
                                        "oneOf": [
                                            {"$ref": "#/components/schemas/Cat"},
                                            {"$ref": "#/components/schemas/Dog"},
                                        ],
                                        "discriminator": {"propertyName": "kind"},
                                    },
                                }
                            }
                        },
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Cat": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"type": "string"}, "born": {"type": "integer", "format": "unix-time"}},
            },
            "Dog": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
        }
    },
}


def test_a_class_of_another_name_is_told_apart_in_unions_and_reads_as_its_document_writes(tmp_path: Path) -> None:
    path = tmp_path / "pets.json"
    path.write_text(json.dumps(PETS))
    backend = FakeTransport({"GET /pets": [{"kind": "Cat", "born": 86_400}, {"kind": "Dog"}]})
    pets = OpenAPI("pets", path, url="http://pets.example", client=backend)

    @pets.type("Cat")
    class Kitten:
        born: datetime.datetime

        @strawberry.field
        def year(self) -> int:
            return self.born.year

    graph = Graph(documents=[pets])
    assert answer(graph, "{ pets { __typename ... on Kitten { kind born year } } }") == {
        "data": {
            "pets": [
                {"__typename": "Kitten", "kind": "Cat", "born": "1970-01-02T00:00:00+00:00", "year": 1970},
                {"__typename": "Dog"},
            ]
        }
    }


def test_a_resolver_may_give_objects_of_the_class(tmp_path: Path) -> None:
    path = tmp_path / "pets.json"
    path.write_text(json.dumps(PETS))
    pets = OpenAPI("pets", path, url="http://pets.example", client=FakeTransport({}))

    @pets.type
    class Cat:
        kind: str

    @strawberry.type
    class Query:
        @strawberry.field
        def stray(self) -> Cat:
            return Cat(kind="stray")  # type: ignore[call-arg]  # mypy sees no dataclass behind a method

    assert answer(Graph(query=Query, documents=[pets]), "{ stray { kind born } }") == {
        "data": {"stray": {"kind": "stray", "born": None}}
    }


def test_two_documents_may_each_have_a_type_of_one_name(tmp_path: Path) -> None:
    first = OpenAPI("first", written(customers_app(), tmp_path / "first.json"), url="http://127.0.0.1:1")
    second = OpenAPI("second", written(customers_app(), tmp_path / "second.json"), url="http://127.0.0.1:1")

    @second.type
    class Customer:
        @strawberry.field
        def mark(self) -> str:
            return "second"

    roots: Any = Graph(documents=[first, second]).schema.query_type
    assert {name: str(element.type) for name, element in roots.fields.items()} == {
        "getCustomer": "FirstCustomer",
        "listCustomers": "Customers",
        "secondGetCustomer": "Customer",
        "secondListCustomers": "SecondCustomers",
    }


def test_what_is_not_chosen_can_be_named(tmp_path: Path) -> None:
    path = written(customers_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1", include="getCustomer")

    @shop.type
    class Customer:
        @shop.get("listCustomers")
        def others(self, name: str) -> strawberry.scalars.JSON: ...

    kinds: Any = Graph(documents=[shop]).schema.type_map
    assert sorted(kinds["Query"].fields) == ["getCustomer"]
    assert sorted(kinds["Customer"].fields) == ["age", "email", "firstName", "id", "others"]


def test_a_component_is_named_as_its_document_or_its_type_is(tmp_path: Path) -> None:
    document = {
        "swagger": "2.0",
        "info": {"title": "Pets", "version": "1"},
        "paths": {
            "/cats": {
                "get": {
                    "operationId": "cats",
                    "responses": {"200": {"description": "All.", "schema": {"$ref": "#/definitions/v1.Cat"}}},
                }
            }
        },
        "definitions": {"v1.Cat": {"type": "object", "properties": {"mother-id": {"type": "string"}}}},
    }
    path = tmp_path / "pets.json"
    path.write_text(json.dumps(document))

    for name in ("v1.Cat", "V1Cat"):
        pets = OpenAPI("pets", path, url="http://pets.example", client=FakeTransport({"GET /cats": {"mother-id": "m"}}))

        @pets.type(name)
        class Cat:
            mother_id: str

        assert answer(Graph(documents=[pets]), "{ cats { __typename motherId } }") == {
            "data": {"cats": {"__typename": "Cat", "motherId": "m"}}
        }


def test_a_class_and_its_fields_may_need_what_only_some_clients_have(shops: Market) -> None:
    customers = shops.customers()

    @authenticated
    @customers.type
    class Customer:
        first_name: str | None = field(directives=[requires(scopes="names")])

    graph = Graph(documents=[customers])
    query = '{ getCustomer(customerId: "c1") { firstName age } listCustomers { data { id } } }'

    assert 'type Customer @authenticated {\n  id: ID!\n  firstName: String @requiresScopes(scopes: [["names"]])' in (
        graph.sdl()
    )
    denied = answer(graph, query)
    assert denied["data"] is None or denied["data"]["getCustomer"] is None
    assert {error["extensions"]["code"] for error in denied["errors"]} == {"UNAUTHENTICATED"}
    some = asyncio.run(graph.execute('{ getCustomer(customerId: "c1") { firstName age } }', client=Client()))
    assert some["data"] == {"getCustomer": {"firstName": None, "age": 36}}
    assert [error["extensions"]["code"] for error in some["errors"]] == ["FORBIDDEN"]
