import { ClientError, GraphQLClient, batchRequests, gql, rawRequest, request } from "graphql-request";
import { parse } from "graphql";
import { report, shop, wire } from "./shop.mjs";

function connect({ url = shop.url, ...options } = {}) {
  const { fetch, sent } = wire();
  return { client: new GraphQLClient(url, { fetch, ...options }), sent };
}

async function thrownBy(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

const authorization = `Bearer ${shop.token}`;
const PRODUCT = gql`
  query RequestProduct($id: ID!, $reviews: Int = 2) {
    product(id: $id) {
      ...Card
      latest: reviews(first: 1) { stars }
      reviews(first: $reviews) { stars }
    }
  }
  fragment Card on Product { id name priceCents }
`;
const ORDERS = gql`query RequestOrders { orders(first: 1) { id status note } }`;
const PLACE = gql`mutation RequestPlace($order: OrderInput!) { placeOrder(order: $order) { id status totalCents } }`;
const INVALID = gql`query RequestInvalid { product(id: 7) { weight } }`;

async function query() {
  const text = await request(shop.url, PRODUCT, { id: "7" });
  const document = await request({ url: shop.url, document: parse(PRODUCT), variables: { id: "7" } });
  return { text, same: JSON.stringify(text) === JSON.stringify(document) };
}

async function raw() {
  const { data, status, headers } = await rawRequest(shop.url, "{ categories { name } }");
  const [type, control] = [headers.get("content-type"), headers.get("cache-control")];
  return { first: data.categories[0], status, type, control: control.replace(/\d+/, "N") };
}

async function mutation() {
  const { client } = connect({ headers: { authorization } });
  const variables = { order: { items: [{ productId: 7 }], note: "By graphql-request" } };
  const { placeOrder } = await client.request(PLACE, variables);
  const { orders } = await client.request(ORDERS);
  const { id, ...placed } = placeOrder;
  return { placed, served: orders[0].id === id, note: orders[0].note };
}

async function fieldErrors() {
  const error = await thrownBy(request(shop.url, ORDERS));
  const [{ message, path, extensions }] = error.response.errors;
  const kept = await connect({ errorPolicy: "all" }).client.rawRequest(ORDERS);
  return {
    kind: error instanceof ClientError,
    status: error.response.status,
    error: { message, path, extensions },
    data: error.response.data,
    kept: [kept.data, kept.errors.length],
  };
}

async function partial() {
  const { client } = connect({ url: shop.partial, errorPolicy: "all" });
  const wanted = "query RequestPartial { product(id: 7) { name stock { available } } }";
  const { data, errors } = await client.rawRequest(wanted);
  return { data, errors: errors.map(({ path, extensions }) => ({ path, extensions })) };
}

async function invalid() {
  const { client, sent } = connect();
  const error = await thrownBy(client.request(INVALID));
  const [{ message, extensions }] = error.response.errors;
  return { kind: error instanceof ClientError, status: error.response.status, message, extensions, sent };
}

async function get() {
  const { client, sent } = connect({ method: "GET", headers: { authorization } });
  const { product } = await client.request(PRODUCT, { id: "7", reviews: 1 });
  const { placeOrder } = await client.request(PLACE, { order: { items: [{ productId: 8 }] } });
  return { name: product.name, status: placeOrder.status, sent };
}

const BATCH = [{ document: INVALID }, { document: "{ categories { name } }" }];

async function batch() {
  const { client, sent } = connect({ url: shop.batched, errorPolicy: "all" });
  const [invalid, valid] = await client.batchRequests(BATCH);
  return { code: invalid.errors[0].extensions.code, first: valid.data.categories[0], sent };
}

async function refusedBatch() {
  const { client, sent } = connect();
  const error = await thrownBy(client.batchRequests(BATCH));
  return { kind: error instanceof ClientError, status: error.response.status, errors: error.response.errors, sent };
}

async function abort() {
  const controller = new AbortController();
  const { client } = connect({ url: shop.silent, signal: controller.signal });
  const asked = client.request("query RequestSlow { product(id: 7) { stock { available } } }");
  setTimeout(() => controller.abort(), 50);
  const error = await thrownBy(asked);
  const { product } = await request(shop.silent, PRODUCT, { id: "7" });
  return { error: error.name, afterwards: product.name };
}

await report({ query, raw, mutation, fieldErrors, partial, invalid, get, batch, refusedBatch, abort });
