"""Calls of Python that name operations of a document."""

from pathlib import Path

import strawberry

from graph import Graph
from resolvers import field, link
from sources import Get
from sources.openapi import OpenAPI
from tests.graph.openapi.market import Market, answer, customers_app, faults, orders_app, written


def test_an_entity_is_given_by_operations_of_its_document(shops: Market) -> None:
    customers, sold = shops.customers(), shops.orders()

    @customers.entity(get="getCustomer", batch="listCustomers")
    class Customer:
        id: strawberry.ID
        first_name: str

    @sold.entity(get="getOrder")
    class Order:
        id: int
        customer_id: str
        total: int = field("total_cents")
        customer: Customer | None = link("customer_id")

    @strawberry.type
    class Query:
        @sold.get("listOrders")
        def orders(self) -> list[Order]: ...

        @customers.get("getCustomer")
        def customer(self, customer_id: str) -> Customer | None: ...

    graph = Graph(query=Query)
    assert sorted(graph.schema.type_map["Query"].fields) == ["customer", "orders"]  # type: ignore[attr-defined]  # fields
    assert answer(graph, '{ orders { total customer { firstName } } customer(customerId: "c2") { firstName } }') == {
        "data": {
            "orders": [
                {"total": 500, "customer": {"firstName": "Ada"}},
                {"total": 700, "customer": {"firstName": "Grace"}},
                {"total": 900, "customer": {"firstName": "Ada"}},
            ],
            "customer": {"firstName": "Grace"},
        }
    }
    assert sorted(shops.calls) == ["GET /customers/c2", "GET /customers?ids=c1&ids=c2", "GET /orders"]


def test_the_list_is_found_in_the_envelope_that_the_document_describes(shops: Market) -> None:
    customers = shops.customers()

    @strawberry.type
    class Customer:
        first_name: str

    @strawberry.type
    class Query:
        @customers.get("listCustomers")
        def found(self, ids: list[str]) -> list[Customer]: ...

        @customers.get(Get("listCustomers", items="data"))
        def told(self) -> list[Customer]: ...

    assert answer(Graph(query=Query), '{ found(ids: ["c2"]) { firstName } told { firstName } }') == {
        "data": {"found": [{"firstName": "Grace"}], "told": [{"firstName": "Ada"}, {"firstName": "Grace"}]}
    }


def test_what_no_argument_supplies_is_left_out_even_if_the_parent_has_its_name(shops: Market) -> None:
    customers = shops.customers()

    @customers.type
    class Customer:
        pass

    @strawberry.type
    class Ticket:
        name: str

        @customers.get("listCustomers")
        def holders(self) -> list[Customer]: ...

    @strawberry.type
    class Query:
        @strawberry.field
        def ticket(self) -> Ticket:
            return Ticket(name="Ada")

    assert answer(Graph(query=Query, documents=[customers]), "{ ticket { holders { id } } }") == {
        "data": {"ticket": {"holders": [{"id": "c1"}, {"id": "c2"}]}}
    }
    assert shops.calls == ["GET /customers"]


def test_arguments_become_the_body_that_the_document_describes(shops: Market) -> None:
    sold = shops.orders()

    @strawberry.type
    class Order:
        id: int
        total_cents: int

    @strawberry.type
    class Query:
        @sold.get("getOrder")
        def order(self, id: int) -> Order | None: ...

    @strawberry.type
    class Mutation:
        @sold.post("createOrder")
        def buy(self, customer_id: str, total_cents: int) -> Order: ...

        @sold.post("createOrder", body={"customerId": "{who}", "total_cents": 5})
        def try_out(self, who: str) -> Order: ...

    graph = Graph(query=Query, mutation=Mutation)
    mutation = 'mutation { buy(customerId: "c1", totalCents: 7) { id totalCents } tryOut(who: "c2") { totalCents } }'
    assert answer(graph, mutation) == {"data": {"buy": {"id": 9, "totalCents": 7}, "tryOut": {"totalCents": 5}}}


def test_operations_that_are_not_there_are_faults(tmp_path: Path) -> None:
    path = written(customers_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1")

    @shop.entity(get="getCustomr")
    class Customer:
        id: strawberry.ID

    @strawberry.type
    class Query:
        customer: Customer

        @shop.get("")
        def nothing(self) -> str: ...

    assert faults(query=Query) == [
        f"source 'shop': {Query.__qualname__}.nothing: "
        "an operation is named by operationId or 'GET /path', a template begins with '/'",
        f"Customer: {path} has no operation 'getCustomr'; near it: 'getCustomer', 'listCustomers'",
    ]


def test_what_an_operation_does_not_take_or_needs_is_a_fault(tmp_path: Path) -> None:
    customers = written(customers_app(), tmp_path / "customers.json")
    orders = written(orders_app(), tmp_path / "orders.json")
    shop = OpenAPI("shop", customers, url="http://127.0.0.1:1")
    sold = OpenAPI("sold", orders, url="http://127.0.0.1:1")

    @strawberry.type
    class Customer:
        id: strawberry.ID

    @strawberry.type
    class Query:
        @shop.get("getCustomer")
        def a(self) -> Customer: ...

        @shop.get("getCustomer")
        def b(self, customer_id: str, nam: str) -> Customer: ...

        @shop.get("listCustomers")
        def c(self, nam: str) -> list[Customer]: ...

        @shop.get("listCustomers")
        def d(self) -> Customer: ...

        @sold.get("createOrder")
        def e(self) -> int: ...

    @strawberry.type
    class Mutation:
        @sold.post("createOrder")
        def f(self) -> bool: ...

        @sold.post("createOrder")
        def g(self, customer_id: str) -> bool: ...

        @sold.post("createOrder")
        def h(self, customer_id: str, total_cents: int, nots: str) -> strawberry.scalars.JSON: ...

    create = f"createOrder (POST /orders) of {orders}"
    assert faults(query=Query, mutation=Mutation) == [
        f"Query.b: getCustomer (GET /customers/{{customerId}}) of {customers} takes no 'nam'; it takes customer_id",
        f"Query.c: listCustomers (GET /customers) of {customers} takes no 'nam'; near it: 'name'; it takes ids, name",
        f"Query.d: the answer of listCustomers (GET /customers) of {customers} is Customers, which has none of the "
        "properties of Customer",
        f"Query.e: createOrder of {orders} is POST /orders, and not a GET",
        f"Mutation.f: nobody supplies the body that {create} needs",
        f"Mutation.g: nobody supplies the property 'total_cents' of the body that {create} needs",
        f"Mutation.h: {create} takes no 'nots', and its body has no such property; near it: 'note'",
        "Query.a: nobody supplies {customerId} of GET /customers/{customerId}; arguments and attributes are: nothing",
    ]


def test_what_an_answer_lacks_is_a_fault_that_names_both(tmp_path: Path) -> None:
    path = written(customers_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1")

    @shop.entity(get="getCustomer")
    class Customer:
        id: strawberry.ID
        shoe_size: int
        age: str
        first: str = field("first_name")

    @strawberry.type
    class Query:
        customer: Customer

    answer = f"the answer of getCustomer (GET /customers/{{customerId}}) of {path}"
    assert faults(query=Query) == [
        f"Customer.shoe_size: {answer} has no property 'shoe_size'",
        f"Customer.age: it is String!, but 'age' of {answer} is Int!",
        f"Customer.first: {answer} has no property 'first_name'",
    ]


def test_keys_that_an_operation_does_not_take_are_faults(tmp_path: Path) -> None:
    path = written(customers_app(), tmp_path / "shop.json")
    shop = OpenAPI("shop", path, url="http://127.0.0.1:1")

    @shop.entity(batch="listCustomers", key="first_name")
    class Named:
        first_name: str

    @shop.entity(get="listCustomers")
    class Unkeyed:
        id: strawberry.ID

    @strawberry.type
    class Query:
        named: Named
        unkeyed: Unkeyed

    many = f"listCustomers (GET /customers) of {path}"
    assert faults(query=Query) == [
        f"Named: {many} has no list parameter for the keys ('first_name',); it takes ids, name",
        f"Unkeyed: {many} needs nothing, but the key is ('id',)",
    ]
