import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { report, shop, wire } from "./shop.mjs";

function connect({ url = shop.url, token, exchanges = [cacheExchange, fetchExchange], ...options } = {}) {
  const { fetch, sent } = wire();
  // It asks by GET where it can, which must show that no page of another origin has sent it.
  const headers = token ? { authorization: `Bearer ${token}` } : { "graphql-preflight": "1" };
  return { client: new Client({ url, exchanges, fetch, fetchOptions: { headers }, ...options }), sent };
}

const PRODUCT = gql`
  query UrqlProduct($id: ID!, $reviews: Int = 2) {
    product(id: $id) {
      ...Card
      latest: reviews(first: 1) { stars }
      reviews(first: $reviews) { stars }
    }
  }
  fragment Card on Product { id name priceCents }
`;
const ORDERS = gql`query UrqlOrders { orders(first: 2) { id status note } }`;
const PLACE = gql`mutation UrqlPlace($order: OrderInput!) { placeOrder(order: $order) { id status totalCents } }`;

async function query() {
  const { client, sent } = connect({ preferGetMethod: false });
  const first = await client.query(PRODUCT, { id: "7" });
  const again = await client.query(PRODUCT, { id: "7" });
  return { data: first.data, kept: again.data.product.name, stale: again.stale, sent };
}

async function mutation() {
  const { client, sent } = connect({ token: shop.token });
  await client.query(ORDERS, {});
  const { data } = await client.mutation(PLACE, { order: { items: [{ productId: 7, quantity: 2 }], note: "By urql" } });
  const after = await client.query(ORDERS, {});
  const { id, ...placed } = data.placeOrder;
  return { placed, served: after.data.orders[0].id === id, note: after.data.orders[0].note, sent };
}

async function fieldErrors() {
  const { client } = connect();
  const { data, error } = await client.query(ORDERS, {});
  const [{ message, path, extensions }] = error.graphQLErrors;
  return { data, error: { message, path, extensions }, text: error.message, status: error.response.status };
}

async function partial() {
  const { client } = connect({ url: shop.partial });
  const { data, error } = await client.query("query UrqlPartial { product(id: 7) { name stock { available } } }", {});
  return { data, errors: error.graphQLErrors.map(({ path, extensions }) => ({ path, extensions })) };
}

async function invalid() {
  const { client, sent } = connect();
  const { data, error } = await client.query("query UrqlInvalid { product(id: 7) { weight } }", {});
  const [{ message, extensions }] = error.graphQLErrors;
  return { data: data ?? null, message, extensions, network: Boolean(error.networkError), sent };
}

async function refused() {
  const { client, sent } = connect({ fetchOptions: { headers: { accept: "application/xml", "graphql-preflight": "1" } } });
  const { error } = await client.query(PRODUCT, { id: "7" });
  return { errors: error.graphQLErrors.map(({ extensions }) => extensions.code), sent };
}

async function persisted() {
  const exchanges = () => [persistedExchange({ preferGetForPersistedQueries: true }), fetchExchange];
  const wanted = gql`query UrqlPersisted($id: ID!) { product(id: $id) { id name } }`;
  const [first, second] = [connect({ exchanges: exchanges() }), connect({ exchanges: exchanges() })];
  const missed = await first.client.query(wanted, { id: 7 });
  const hit = await second.client.query(wanted, { id: 7 });
  return { missed: missed.data, hit: hit.data, first: first.sent, second: second.sent };
}

async function get() {
  const { client, sent } = connect({ preferGetMethod: "within-url-limit" });
  const { data: short } = await client.query(PRODUCT, { id: "7", reviews: 1 });
  const names = Array.from({ length: 200 }, (_, number) => `name${number}: name`).join(" ");
  const { data: long } = await client.query(`query UrqlLong { product(id: 7) { ${names} } }`, {});
  return { short: short.product.name, long: long.product.name199, sent };
}

async function abort() {
  const { client } = connect({ url: shop.silent });
  let answered = false;
  const slow = client.query("query UrqlSlow { product(id: 7) { stock { available } } }", {});
  const { unsubscribe } = slow.subscribe(() => (answered = true));
  await new Promise((resolve) => setTimeout(resolve, 50));
  unsubscribe();
  const { data } = await client.query(PRODUCT, { id: "7" });
  return { answered, afterwards: data.product.name };
}

await report({ query, mutation, fieldErrors, partial, invalid, refused, persisted, get, abort });
