// Incremental delivery: each client says which form it wants, and puts the pieces together.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { Defer20220824Handler, GraphQL17Alpha9Handler } from "@apollo/client/incremental";
import { Client, fetchExchange } from "@urql/core";
import { report, shop, wire } from "./shop.mjs";

const DEFERRED = `
  query Deferred { product(id: 7) { id name ... on Product @defer(label: "stock") { stock { available } } } }
`;

function apollo(incrementalHandler) {
  const { fetch, sent } = wire();
  const link = new HttpLink({ uri: shop.url, fetch });
  const client = new ApolloClient({ cache: new InMemoryCache(), link, incrementalHandler });
  return new Promise((resolve, reject) => {
    const states = [];
    client.watchQuery({ query: gql(DEFERRED), notifyOnNetworkStatusChange: false }).subscribe({
      next({ data, dataState }) {
        states.push([dataState, Object.keys(data?.product ?? {}).sort()]);
        if (dataState === "complete") resolve({ states, sent, numeric: typeof data.product.stock.available });
      },
      error: reject,
    });
  });
}

function urql() {
  const { fetch, sent } = wire();
  const client = new Client({ url: shop.url, exchanges: [fetchExchange], preferGetMethod: false, fetch });
  return new Promise((resolve, reject) => {
    const states = [];
    client.query(DEFERRED, {}).subscribe(({ data, error, hasNext }) => {
      if (error) reject(error);
      states.push([hasNext, Object.keys(data.product).sort()]);
      if (!hasNext) resolve({ states, sent, numeric: typeof data.product.stock.available });
    });
  });
}

await report({
  deferSpec: () => apollo(new Defer20220824Handler()),
  incrementalSpec: () => apollo(new GraphQL17Alpha9Handler()),
  urql,
});
