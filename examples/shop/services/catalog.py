"""The catalog: products, categories and reviews. API key in a header, snake_case, everything in an envelope.

``{"data": ..., "meta": {...}}``; batches take ``?ids=1,2,3`` and answer in no particular order.

Like those of the other services, its OpenAPI document says all that a gateway has to know: every type, which texts are
instants, how arrays are written, which key is needed.
"""

import os
import sqlite3
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Security
from fastapi.security import APIKeyHeader
from pydantic import BaseModel

from examples.shop.services.database import (
    CUSTOMERS,
    PRODUCTS,
    REVIEWS,
    Database,
    Row,
    chance,
    customer_id,
    marks,
    moment,
    price_of,
    sku_of,
)
from examples.shop.services.documented import Instant, Refusal, with_commas

DEFAULT_KEY = "catalog-dev-key"
Listed = Annotated[str | None, Query(include_in_schema=False)]  # with commas, as `with_commas` tells

_MATERIALS = "Oak Steel Linen Cork Copper Wool Glass Bamboo Ceramic Felt".split()
_THINGS = "Lamp Chair Kettle Basket Mirror Blanket Shelf Vase Clock Tray Stool Bowl".split()
_CATEGORIES = "Home Lighting Kitchen Textiles Storage Garden Office Decoration".split()
_VERDICTS = (
    (1, "Broke on day one", "Not what the pictures promise."),
    (2, "Meh", "It wobbles a little, and the colour is off."),
    (3, "Fine", "Does what it should, nothing more."),
    (4, "Good", "Solid, and well packed."),
    (5, "Love it", "Would buy it again at once."),
)


class Price(BaseModel):
    """An amount of money."""

    cents: int
    currency: str


class Product(BaseModel):
    """Something the shop sells."""

    id: int
    sku: str
    name: str
    description: str | None
    price: Price
    category_id: int
    tags: list[str]
    discontinued: bool
    created_at: Instant


class Category(BaseModel):
    """A shelf of the shop."""

    id: int
    name: str
    parent_id: int | None


class Review(BaseModel):
    """A buyer's opinion of a product."""

    id: int
    product_id: int
    customer_id: str
    stars: int
    title: str
    text: str
    created_at: Instant


class Meta(BaseModel):
    """What there is to say of an answer; of a page, where it is in the whole list."""

    count: int | None = None
    total: int | None = None
    has_more: bool | None = None
    has_earlier: bool | None = None
    first_id: int | None = None
    last_id: int | None = None


class ProductAnswer(BaseModel):
    """One product."""

    data: Product
    meta: Meta


class ProductsAnswer(BaseModel):
    """Products, and where they are among all of them."""

    data: list[Product]
    meta: Meta


class CategoryAnswer(BaseModel):
    """One category."""

    data: Category
    meta: Meta


class CategoriesAnswer(BaseModel):
    """Categories."""

    data: list[Category]
    meta: Meta


class ReviewAnswer(BaseModel):
    """One review."""

    data: Review
    meta: Meta


class ReviewsAnswer(BaseModel):
    """Reviews."""

    data: list[Review]
    meta: Meta


def create_app(database: Path) -> FastAPI:
    """Make the service over a database file, which is seeded when it does not exist."""
    db = Database(database, _seed)
    key = os.environ.get("CATALOG_KEY", DEFAULT_KEY)
    header = APIKeyHeader(name="X-API-Key", scheme_name="key", auto_error=False)

    def authorize(given: Annotated[str | None, Security(header)]) -> None:
        if given != key:
            raise HTTPException(401, "missing or wrong X-API-Key")

    app = FastAPI(title="Catalog", version="1.4", summary="Products, categories and reviews")
    guarded: Any = {"dependencies": [Depends(authorize)], "response_model_exclude_unset": True}
    found_by_key: Any = {**guarded, "responses": {404: {"model": Refusal}}}

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/products/{product_id}",
        operation_id="getProduct",
        tags=["products"],
        response_model=ProductAnswer,
        **found_by_key,
    )
    def product(product_id: int) -> dict[str, Any]:
        """Give one product."""
        return {"data": _found(db.row("select * from products where id = ?", [product_id]), _product), "meta": {}}

    @app.get(
        "/products",
        operation_id="listProducts",
        tags=["products"],
        response_model=ProductsAnswer,
        openapi_extra=with_commas(ids="integer"),
        **guarded,
    )
    def products(
        ids: Listed = None,
        search: Annotated[str | None, Query(max_length=100)] = None,
        category_id: int | None = None,
        after_id: int = 0,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        """List the products with some ids, or a page of all in the order of their ids."""
        if ids is not None:
            wanted = _ids(ids)
            found = db.rows(f"select * from products where id in ({marks(wanted)}) order by name, id", wanted)
            return {"data": [_product(row) for row in found], "meta": {"count": len(found)}}
        where, values = "id > ?", [after_id]
        matching: list[Any] = []
        condition = "1"
        if search is not None:
            condition += " and name like ?"
            matching.append(f"%{search}%")
        if category_id is not None:
            condition += " and category_id = ?"
            matching.append(category_id)
        found = db.rows(
            f"select * from products where {where} and {condition} order by id limit ?", [*values, *matching, limit + 1]
        )
        total = db.rows(f"select count(*) as n from products where {condition}", matching)[0]["n"]
        page = [_product(row) for row in found[:limit]]
        meta = {
            "total": total,
            "has_more": len(found) > limit,
            "has_earlier": after_id > 0,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
        }
        return {"data": page, "meta": meta}

    @app.get(
        "/categories/{category_id}",
        operation_id="getCategory",
        tags=["categories"],
        response_model=CategoryAnswer,
        **found_by_key,
    )
    def category(category_id: int) -> dict[str, Any]:
        """Give one category."""
        return {"data": _found(db.row("select * from categories where id = ?", [category_id]), dict), "meta": {}}

    @app.get(
        "/categories",
        operation_id="listCategories",
        tags=["categories"],
        response_model=CategoriesAnswer,
        openapi_extra=with_commas(ids="integer"),
        **guarded,
    )
    def categories(ids: Listed = None) -> dict[str, Any]:
        """List all categories, or those with some ids."""
        if ids is None:
            return {"data": db.rows("select * from categories order by id"), "meta": {}}
        wanted = _ids(ids)
        found = db.rows(f"select * from categories where id in ({marks(wanted)}) order by id desc", wanted)
        return {"data": found, "meta": {"count": len(found)}}

    @app.get(
        "/reviews/{review_id}",
        operation_id="getReview",
        tags=["reviews"],
        response_model=ReviewAnswer,
        **found_by_key,
    )
    def review(review_id: int) -> dict[str, Any]:
        """Give one review."""
        return {"data": _found(db.row("select * from reviews where id = ?", [review_id]), dict), "meta": {}}

    @app.get(
        "/reviews",
        operation_id="listReviews",
        tags=["reviews"],
        response_model=ReviewsAnswer,
        openapi_extra=with_commas(ids="integer", product_ids="integer", customer_ids="string"),
        **guarded,
    )
    def reviews(
        ids: Listed = None,
        product_ids: Listed = None,
        customer_ids: Listed = None,
        per_key: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> dict[str, Any]:
        """List the reviews with some ids, or the newest ones of products or of customers."""
        if ids is not None:
            wanted: list[Any] = _ids(ids)
            return {"data": db.rows(f"select * from reviews where id in ({marks(wanted)})", wanted), "meta": {}}
        if product_ids is not None:
            column, wanted = "product_id", list(_ids(product_ids))
        elif customer_ids is not None:
            column, wanted = "customer_id", customer_ids.split(",")
        else:
            raise HTTPException(422, "give ids, product_ids or customer_ids")
        newest = f"row_number() over (partition by {column} order by created_at desc, id) as place"
        found = db.rows(
            f"select * from (select *, {newest} from reviews where {column} in ({marks(wanted)})) where place <= ?",
            [*wanted, per_key],
        )
        return {"data": [{name: row[name] for name in row if name != "place"} for row in found], "meta": {}}

    return app


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise HTTPException(422, "ids are numbers with commas between them") from None


def _found(row: Row | None, shape: Any) -> Any:
    if row is None:
        raise HTTPException(404, "no such object")
    return shape(row)


def _product(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "sku": row["sku"],
        "name": row["name"],
        "description": row["description"],
        "price": {"cents": row["price_cents"], "currency": "EUR"},
        "category_id": row["category_id"],
        "tags": row["tags"].split(","),
        "discontinued": bool(row["discontinued"]),
        "created_at": row["created_at"],
    }


def _seed(db: sqlite3.Connection) -> None:
    rnd = chance("catalog")
    db.executescript(
        """
        create table categories (id integer primary key, name text, parent_id integer);
        create table products (id integer primary key, sku text, name text, description text, price_cents integer,
            category_id integer, tags text, discontinued integer, created_at text);
        create table reviews (id integer primary key, product_id integer, customer_id text, stars integer, title text,
            text text, created_at text);
        create index reviews_of_product on reviews (product_id);
        create index reviews_of_customer on reviews (customer_id);
        """
    )
    db.executemany(
        "insert into categories values (?, ?, ?)",
        [(number, name, None if number == 1 else 1) for number, name in enumerate(_CATEGORIES, 1)],
    )
    products = []
    for number in range(1, PRODUCTS + 1):
        material, thing = rnd.choice(_MATERIALS), rnd.choice(_THINGS)
        description = None if rnd.random() < 0.1 else f"A {thing.lower()} of {material.lower()}, made to last."
        tags = ",".join(sorted({material.lower(), thing.lower(), rnd.choice(("new", "classic", "sale"))}))
        products.append(
            (
                number,
                sku_of(number),
                f"{material} {thing} {number}",
                description,
                price_of(number),
                rnd.randint(2, len(_CATEGORIES)),
                tags,
                rnd.random() < 0.05,
                moment(rnd, 30).isoformat(),
            )
        )
    db.executemany(f"insert into products values ({marks(products[0])})", products)
    reviews = []
    for number in range(1, REVIEWS + 1):
        stars, title, text = rnd.choices(_VERDICTS, (1, 1, 3, 6, 5))[0]
        author = customer_id(rnd.randint(1, CUSTOMERS))
        reviews.append((number, rnd.randint(1, PRODUCTS), author, stars, title, text, moment(rnd).isoformat()))
    db.executemany("insert into reviews values (?, ?, ?, ?, ?, ?, ?)", reviews)
