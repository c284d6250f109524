"""The shop's graph: five REST services as one. Every field is a declaration; no resolver fetches anything.

Addresses and secrets come from the environment; ``weft demo`` starts the services and sets them. What comes from a call
of its own may be null: when that backend is down, the rest of the answer stands.
"""

from __future__ import annotations

import datetime as dt
import enum
import os

import strawberry

from graph import Graph
from resolvers import Connection, field, link
from sources import ApiKey, Basic, Cursor, OAuth2, Post, Rest, Stripe

CRM_URL = os.environ.get("CRM_URL", "http://127.0.0.1:9003")

catalog = Rest(
    "catalog",
    os.environ.get("CATALOG_URL", "http://127.0.0.1:9001"),
    auth=ApiKey("X-API-Key", env="CATALOG_KEY"),
    ttl=30,
)
inventory = Rest(
    "inventory",
    os.environ.get("INVENTORY_URL", "http://127.0.0.1:9002"),
    auth=Basic("erp", env="INVENTORY_PASSWORD"),
    naming="camel",
    timeout=2.0,
)
crm = Rest(
    "crm",
    CRM_URL,
    auth=OAuth2(f"{CRM_URL}/oauth/token", client_id="weft", env="CRM_SECRET"),
    timestamps="unix",
    ttl=60,
)
ordering = Rest(
    "orders",
    os.environ.get("ORDERS_URL", "http://127.0.0.1:9004"),
    forward=["authorization"],
    naming="camel",
    reason="detail",
)
carrier = Rest(
    "shipping",
    os.environ.get("SHIPPING_URL", "http://127.0.0.1:9005"),
    auth=ApiKey(query="api_key", env="SHIPPING_KEY"),
    timestamps="unix",
    reason="error.reason",
)


# -- catalog and inventory --------------------------------------------------------------------------------------------


@strawberry.type(description="An amount of money.")
class Price:
    cents: int
    currency: str


@catalog.entity(get="/categories/{id}", batch="/categories{?ids}", items="data", ttl=300)
class Category:
    """A shelf of the shop."""

    id: strawberry.ID
    name: str
    parent: Category | None = link("parent_id")


@inventory.entity(get="/warehouses/{id}", batch="/warehouses{?id*}", ttl=300)
class Warehouse:
    """A place where goods lie."""

    id: strawberry.ID
    city: str


@inventory.entity(
    get="/levels/{sku}/{warehouse_id}",
    batch=Post("/levels/search", body={"keys": "{keys}"}),
    key=("sku", "warehouse_id"),
    ttl=2,
)
class StockLevel:
    """How much of one product lies in one warehouse."""

    sku: str
    warehouse_id: strawberry.ID
    on_hand: int
    reserved: int
    available: int
    updated_at: dt.datetime
    warehouse: Warehouse | None = link("warehouse_id")


@strawberry.type(description="How much of a product there is, all warehouses together.")
class Stock:
    on_hand: int
    reserved: int
    available: int
    levels: list[WarehouseLevel]


@strawberry.type(description="A warehouse's part of a product's stock.")
class WarehouseLevel:
    available: int
    warehouse: Warehouse | None = link("warehouse_id")


@catalog.entity(get="/products/{id}", batch="/products{?ids}", items="data")
class Product:
    """Something the shop sells."""

    id: strawberry.ID
    sku: str
    name: str
    description: str | None
    price: Price = field(ttl=5)
    price_cents: int = field("price.cents", ttl=5, description="The price, without its currency.")
    tags: list[str]
    discontinued: bool
    created_at: dt.datetime
    category: Category | None = link("category_id")

    @inventory.get("/stock/{sku}", batch="/stock{?sku*}", key="sku", ttl=2)
    def stock(self) -> Stock | None:
        """What the warehouses hold."""

    @catalog.get(
        "/reviews?product_ids={product_id}&per_key={first}",
        batch="/reviews?per_key={first}{&product_ids}",
        group_by="product_id",
        items="data",
        ttl=10,
    )
    def reviews(self, first: int = 10) -> list[Review] | None:
        """What buyers say, newest first."""


@catalog.entity(get="/reviews/{id}", batch="/reviews{?ids}", items="data")
class Review:
    """A buyer's opinion of a product."""

    id: strawberry.ID
    stars: int
    title: str
    text: str
    created_at: dt.datetime
    product: Product | None = link("product_id")
    author: Customer | None = link("customer_id")


# -- customers, orders, shipments -------------------------------------------------------------------------------------


@strawberry.enum(description="How much a customer has bought.")
class Tier(enum.Enum):
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


@strawberry.type(description="Where somebody lives.")
class Address:
    street: str
    city: str
    postal_code: str
    country: str


@crm.entity(get="/customers/{id}", batch=Post("/customers/search", body={"ids": "{ids}"}, items="results"))
class Customer:
    """Somebody who buys."""

    id: strawberry.ID
    full_name: str
    email: str
    phone: str | None
    tier: Tier
    address: Address
    created_at: dt.datetime
    last_seen_at: dt.datetime | None

    @ordering.get("/orders?customerId={customer_id}", batch="/orders{?customerId*}", group_by="customer_id")
    def orders(self) -> list[Order] | None:
        """The customer's orders, as far as the shopper who asks may see them."""

    @catalog.get(
        "/reviews?customer_ids={customer_id}", batch="/reviews{?customer_ids}", group_by="customer_id", items="data"
    )
    def reviews(self) -> list[Review] | None:
        """What the customer wrote."""


@strawberry.enum(description="How far an order is.")
class OrderStatus(enum.Enum):
    PLACED = "placed"
    PAID = "paid"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@strawberry.type(description="A line of an order.")
class OrderItem:
    quantity: int
    unit_cents: int
    product: Product | None = link("product_id")


@ordering.entity(get="/orders/{id}", batch="/orders{?id*}")
class Order:
    """What a shopper bought at once."""

    id: strawberry.ID
    status: OrderStatus
    placed_at: dt.datetime
    total_cents: int
    note: str | None
    items: list[OrderItem]
    customer: Customer | None = link("customer_id")

    @carrier.get("/shipments?order_id={order_id}", batch="/shipments{?order_id*}", key="order_id")
    def shipment(self) -> Shipment | None:
        """The parcel, once there is one."""


@strawberry.type(description="Something that happened to a parcel.")
class TrackingEvent:
    at: dt.datetime
    place: str
    text: str


@strawberry.enum(description="Where a parcel is.")
class ShipmentStatus(enum.Enum):
    LABEL_CREATED = "label_created"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"


@carrier.entity(get="/shipments/{tracking_number}", key="tracking_number")
class Shipment:
    """A parcel under way."""

    tracking_number: strawberry.ID
    status: ShipmentStatus
    service: str
    created_at: dt.datetime
    delivered_at: dt.datetime | None
    events: list[TrackingEvent]
    order: Order | None = link("order_id")


# -- the root ---------------------------------------------------------------------------------------------------------


@strawberry.input(description="A line of an order to place.")
class OrderItemInput:
    product_id: int
    quantity: int = 1


@strawberry.input(description="An order to place.")
class OrderInput:
    items: list[OrderItemInput]
    note: str | None = None


@strawberry.enum(description="How fast a parcel travels.")
class Service(enum.Enum):
    STANDARD = "standard"
    EXPRESS = "express"


@strawberry.type
class Query:
    @catalog.get("/products/{id}", items="data")
    def product(self, id: strawberry.ID) -> Product | None:
        """One product."""

    @catalog.get(
        "/products{?limit,search,category_id,after_id}",
        paging=Cursor("after_id", size="limit", max_size=100, item="id", more="meta.has_more"),
        items="data",
        total="meta.total",
    )
    def products(
        self,
        first: int = 20,
        after: strawberry.ID | None = None,
        search: str | None = None,
        category_id: strawberry.ID | None = None,
    ) -> Connection[Product] | None:
        """Products, in the order of their ids."""

    @catalog.get("/categories", items="data", ttl=300)
    def categories(self) -> list[Category] | None:
        """All shelves."""

    @crm.get("/customers/{id}")
    def customer(self, id: strawberry.ID) -> Customer | None:
        """One customer."""

    @ordering.get("/orders/{id}")
    def order(self, id: strawberry.ID) -> Order | None:
        """One of the shopper's orders."""

    @ordering.get("/orders?limit={first}{&status}")
    def orders(self, first: int = 20, status: OrderStatus | None = None) -> list[Order] | None:
        """The shopper's orders, newest first."""

    @carrier.get("/shipments/{tracking_number}")
    def shipment(self, tracking_number: strawberry.ID) -> Shipment | None:
        """One parcel."""

    @inventory.get("/warehouses", ttl=300)
    def warehouses(self) -> list[Warehouse] | None:
        """All warehouses."""

    @inventory.get("/levels/{sku}/{warehouse_id}")
    def stock_level(self, sku: str, warehouse_id: strawberry.ID) -> StockLevel | None:
        """How much of a product lies in one warehouse."""


@strawberry.type
class Mutation:
    @ordering.post("/orders", body="{order}", invalidates=[Customer])
    def place_order(self, order: OrderInput) -> Order | None:
        """Buy."""

    @ordering.post("/orders/{id}/cancel", invalidates=[Customer])
    def cancel_order(self, id: strawberry.ID) -> Order | None:
        """Change one's mind, before the parcel leaves."""

    @carrier.post("/labels", invalidates=[Order])
    def create_label(self, order_id: int, service: Service = Service.STANDARD) -> Shipment | None:
        """Announce a parcel to the carrier, which may refuse."""


@strawberry.type
class Subscription:
    @carrier.webhook(
        "tracking",
        signature=Stripe(env="SHIPPING_WEBHOOK_SECRET"),
        events=["shipment.moved"],
        items="data",
        overflow="latest",
    )
    def shipment_updated(self, order_id: strawberry.ID) -> Shipment | None:
        """The parcel of an order, whenever it moves."""

    @inventory.poll("/stock/{sku}", every=1, overflow="latest")
    def stock_changed(self, sku: str) -> Stock | None:
        """What the warehouses hold of a product, whenever that changes."""

    @ordering.sse("/orders/stream", events=["status"], idle=45, overflow="drop_oldest")
    def order_status_changed(self) -> Order | None:
        """Each of the shopper's orders, whenever it proceeds."""


graph = Graph(query=Query, mutation=Mutation, subscription=Subscription)
