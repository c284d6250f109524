import { createHash } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors, ServerError } from "@apollo/client/errors";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { SetContextLink } from "@apollo/client/link/context";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { report, shop, wire } from "./shop.mjs";

const authorization = new SetContextLink(({ headers }) => ({
  headers: { ...headers, authorization: `Bearer ${shop.token}` },
}));

function connect({ uri = shop.url, options = {}, before = [] } = {}) {
  const { fetch, sent } = wire();
  const link = ApolloLink.from([...before, new HttpLink({ uri, fetch, ...options })]);
  return { client: new ApolloClient({ cache: new InMemoryCache(), link }), sent };
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

async function thrownBy(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

const PRODUCT = gql`
  query ApolloProduct($id: ID!, $reviews: Int = 2) {
    product(id: $id) {
      ...Card
      latest: reviews(first: 1) { stars }
      reviews(first: $reviews) { stars }
    }
  }
  fragment Card on Product { id name priceCents }
`;
const NAME = gql`query ApolloName { product(id: 7) { id name } }`;
const ORDERS = gql`query ApolloOrders { orders(first: 1) { id status } }`;
const PLACE = gql`
  mutation ApolloPlace($order: OrderInput!) { placeOrder(order: $order) { id status totalCents } }
`;

async function query() {
  const { client, sent } = connect();
  const { data } = await client.query({ query: PRODUCT, variables: { id: "7" } });
  return { data, sent, keys: Object.keys(client.cache.extract()).sort() };
}

async function cache() {
  const { client, sent } = connect();
  await client.query({ query: PRODUCT, variables: { id: "7" } });
  const typePolicies = { Query: { fields: { product: (_, { args, toReference }) =>
    toReference({ __typename: "Product", id: String(args.id) }) } } };
  client.cache.policies.addTypePolicies(typePolicies);
  const { data } = await client.query({ query: NAME });
  return { data, sent };
}

async function mutation() {
  const { client, sent } = connect({ before: [authorization] });
  await client.query({ query: ORDERS });
  const { data } = await client.mutate({
    mutation: PLACE,
    variables: { order: { items: [{ productId: 7, quantity: 3 }], note: "By Apollo" } },
    update(store, { data: { placeOrder } }) {
      store.updateQuery({ query: ORDERS }, ({ orders }) => ({ orders: [placeOrder, ...orders] }));
    },
  });
  const [newest, ...others] = client.readQuery({ query: ORDERS }).orders;
  const { data: fresh } = await client.query({ query: ORDERS, fetchPolicy: "network-only" });
  return {
    status: data.placeOrder.status,
    totalCents: data.placeOrder.totalCents,
    cached: newest.id === data.placeOrder.id,
    others: others.length,
    served: fresh.orders[0].id === data.placeOrder.id,
    posts: sent.length,
  };
}

async function fieldErrors() {
  const { client, sent } = connect();
  const { data, error } = await client.query({ query: ORDERS, errorPolicy: "all" });
  const thrown = await thrownBy(connect().client.query({ query: ORDERS }));
  return {
    data,
    errors: error.errors.map(({ message, path, extensions }) => ({ message, path, extensions })),
    kinds: [CombinedGraphQLErrors.is(error), CombinedGraphQLErrors.is(thrown)],
    sent,
  };
}

async function partial() {
  const { client } = connect({ uri: shop.partial });
  const wanted = gql`query ApolloPartial { product(id: 7) { id name stock { available } } }`;
  const { data, error } = await client.query({ query: wanted, errorPolicy: "all" });
  return { data, errors: error.errors.map(({ path, extensions }) => ({ path, extensions })) };
}

async function invalid() {
  const { client, sent } = connect();
  const error = await thrownBy(client.query({ query: gql`query ApolloInvalid { product(id: 7) { weight } }` }));
  const [{ message, extensions }] = error.errors;
  return { message, extensions, kind: CombinedGraphQLErrors.is(error), sent };
}

async function refused() {
  const headers = { accept: "application/xml" };
  const { client, sent } = connect({ options: { headers } });
  const error = await thrownBy(client.query({ query: NAME }));
  return { status: error.statusCode, body: JSON.parse(error.bodyText), kind: ServerError.is(error), sent };
}

async function persisted() {
  const persist = () => connect({ before: [new PersistedQueryLink({ sha256, useGETForHashedQueries: true })] });
  const wanted = { query: gql`query ApolloPersisted($id: ID!) { product(id: $id) { id name } }`, variables: { id: 7 } };
  const [first, second] = [persist(), persist()];
  const { data: missed } = await first.client.query(wanted);
  const { data: hit } = await second.client.query(wanted);
  return { missed, hit, first: first.sent, second: second.sent };
}

async function persistedMutation() {
  const { client, sent } = connect({ before: [authorization, new PersistedQueryLink({ sha256 })] });
  const mutation = gql`mutation ApolloOnce($order: OrderInput!) { placeOrder(order: $order) { id } }`;
  const { data: before } = await client.query({ query: ORDERS });
  await client.mutate({ mutation, variables: { order: { items: [{ productId: 9 }] } } });
  const { data: after } = await client.query({ query: ORDERS, fetchPolicy: "network-only" });
  return { placed: after.orders[0].id - before.orders[0].id, sent };
}

async function get() {
  const { client, sent } = connect({ before: [authorization], options: { useGETForQueries: true } });
  const { data: read } = await client.query({ query: PRODUCT, variables: { id: "7", reviews: 1 } });
  const variables = { order: { items: [{ productId: 8 }] } };
  const { data: written } = await client.mutate({ mutation: PLACE, variables });
  return { name: read.product.name, status: written.placeOrder.status, sent };
}

async function batch(uri) {
  const { fetch, sent } = wire();
  const link = new BatchHttpLink({ uri, fetch });
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  const queries = [NAME, gql`query ApolloOther { product(id: 8) { id name } }`];
  const results = await Promise.allSettled(queries.map((one) => client.query({ query: one })));
  return { results: results.map(({ value, reason }) => value?.data.product.name ?? reason.name), sent };
}

async function abort() {
  const { client } = connect({ uri: shop.silent });
  const controller = new AbortController();
  const slow = gql`query ApolloSlow { product(id: 7) { id stock { available } } }`;
  const asked = client.query({ query: slow, context: { fetchOptions: { signal: controller.signal } } });
  setTimeout(() => controller.abort(), 50);
  const error = await thrownBy(asked);
  const { data } = await client.query({ query: NAME });
  return { error: error.name, afterwards: data.product.name };
}

await report({
  query,
  cache,
  mutation,
  fieldErrors,
  partial,
  invalid,
  refused,
  persisted,
  persistedMutation,
  get,
  batch: () => batch(shop.batched),
  refusedBatch: () => batch(shop.url),
  abort,
});
