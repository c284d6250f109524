import relay from "relay-runtime";
import card from "./relay/__generated__/documentsCard.graphql.js";
import orders from "./relay/__generated__/documentsOrdersQuery.graphql.js";
import page from "./relay/__generated__/documentsPage.graphql.js";
import pages from "./relay/__generated__/documentsPageQuery.graphql.js";
import nextPage from "./relay/__generated__/documentsPageRefetchQuery.graphql.js";
import place from "./relay/__generated__/documentsPlaceMutation.graphql.js";
import persisted from "./relay/persisted/documentsProductQuery.graphql.js";
import product from "./relay/__generated__/documentsProductQuery.graphql.js";
import stock from "./relay/__generated__/documentsStockQuery.graphql.js";
import throwing from "./relay/__generated__/documentsThrowingQuery.graphql.js";
import { report, shop, wire } from "./shop.mjs";

const { Environment, Network, Observable, RecordSource, Store } = relay;
const { commitMutation, createOperationDescriptor, fetchQuery, getSingularSelector } = relay;

function connect({ url = shop.url, token } = {}) {
  const { fetch, sent } = wire();
  const headers = {
    accept: "application/graphql-response+json, application/json;q=0.9",
    "content-type": "application/json",
    ...(token && { authorization: `Bearer ${token}` }),
  };
  const ask = ({ id, text }, variables) => Observable.create((sink) => {
    const controller = new AbortController();
    const { signal } = controller;
    const body = JSON.stringify(id ? { doc_id: id, variables } : { query: text, variables });
    fetch(url, { method: "POST", headers, body, signal })
      .then((response) => response.json())
      .then((payload) => (sink.next(payload), sink.complete()))
      .catch((error) => signal.aborted || sink.error(error));
    return () => controller.abort();
  });
  const environment = new Environment({ network: Network.create(ask), store: new Store(new RecordSource()) });
  return { environment, sent };
}

const ask = (environment, query, variables = {}) => fetchQuery(environment, query, variables).toPromise();
const read = (environment, fragment, owner) => environment.lookup(getSingularSelector(fragment, owner)).data;

async function query() {
  const { environment, sent } = connect();
  const data = await ask(environment, product, { id: "7" });
  const { latest, reviews } = data.product;
  return { masked: !("name" in data.product), card: read(environment, card, data.product), latest, reviews, sent };
}

async function store() {
  const { environment, sent } = connect();
  await ask(environment, product, { id: "7" });
  const again = fetchQuery(environment, product, { id: "7" }, { fetchPolicy: "store-or-network" });
  return { stars: (await again.toPromise()).product.latest[0].stars, sent };
}

async function mutation() {
  const { environment } = connect({ token: shop.token });
  await ask(environment, orders);
  const { placeOrder } = await new Promise((onCompleted, onError) =>
    commitMutation(environment, {
      mutation: place,
      variables: { order: { items: [{ productId: 7, quantity: 4 }], note: "By Relay" } },
      updater(records) {
        const [placed, root] = [records.getRootField("placeOrder"), records.getRoot()];
        root.setLinkedRecords([placed, ...root.getLinkedRecords("orders", { first: 2 })], "orders", { first: 2 });
      },
      onCompleted,
      onError,
    }));
  const kept = environment.lookup(createOperationDescriptor(orders, {}).fragment).data.orders;
  const served = (await ask(environment, orders)).orders;
  const { id, ...placed } = placeOrder;
  return { placed, kept: [kept[0].id === id, kept.length], served: served[0].id === id, note: served[0].note };
}

async function pagination() {
  const { environment, sent } = connect();
  const operation = createOperationDescriptor(pages, {});
  const retained = environment.retain(operation);
  await ask(environment, pages);
  const { data } = environment.lookup(operation.fragment);
  const { pageInfo } = read(environment, page, data).products;
  await ask(environment, nextPage, { first: 3, after: pageInfo.endCursor });
  const { products } = read(environment, page, data);
  retained.dispose();
  return { names: products.edges.map(({ node }) => node.name), more: products.pageInfo.hasNextPage, sent };
}

async function fieldErrors() {
  const { environment } = connect();
  return { orders: (await ask(environment, orders)).orders };
}

async function partial() {
  const { environment } = connect({ url: shop.partial });
  return ask(environment, stock);
}

async function throws() {
  const { environment } = connect({ url: shop.partial });
  return ask(environment, throwing).then(() => "nothing was thrown", (error) => error.message);
}

async function invalid() {
  const { environment, sent } = connect();
  const wrong = structuredClone(orders);
  wrong.params.text = "query documentsOrdersQuery { orders(first: 2) { weight } }";
  const error = await ask(environment, wrong).catch((thrown) => thrown);
  return { name: error.name, message: error.message, codes: error.source?.errors.map((one) => one.extensions.code), sent };
}

async function trusted() {
  const { environment, sent } = connect({ url: shop.trusted });
  const data = await ask(environment, persisted, { id: "7" });
  return { card: read(environment, card, data.product), sent };
}

async function untrusted() {
  const { environment, sent } = connect({ url: shop.trusted });
  const error = await ask(environment, product, { id: "7" }).catch((thrown) => thrown);
  return { codes: error.source.errors.map((one) => one.extensions.code), sent };
}

async function abort() {
  const { environment } = connect({ url: shop.silent });
  let answered = false;
  const asked = fetchQuery(environment, stock, {}).subscribe({ next: () => (answered = true) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  asked.unsubscribe();
  const { product: afterwards } = await ask(environment, product, { id: "7" });
  return { answered, afterwards: read(environment, card, afterwards).name };
}

await report({ query, store, mutation, pagination, fieldErrors, partial, throws, invalid, trusted, untrusted, abort });
