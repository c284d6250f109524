// What happens in the demo, as clients hear of it: each takes the first payload of every subscription that it prints.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import toolkit from "@graphiql/toolkit";
import { parse } from "graphql";
import { createClient as createEventStreams } from "graphql-sse";
import { createClient as createSockets } from "graphql-ws";
import WebSocket from "ws";
import { report, shop } from "./shop.mjs";

globalThis.WebSocket ??= WebSocket; // browsers, and node from version 22, have it

const headers = { authorization: `Bearer ${shop.token}` };
const socketUrl = shop.demo.replace("http", "ws");

async function first(payloads) {
  for await (const payload of payloads) return payload;
}

async function eventStreams(query) {
  const client = createEventStreams({ url: shop.demo, headers, retryAttempts: 0 });
  return first(client.iterate({ query }));
}

async function sockets(query) {
  const client = createSockets({ url: socketUrl, connectionParams: headers, retryAttempts: 0 });
  const payload = await first(client.iterate({ query }));
  await client.dispose();
  return payload;
}

function apollo(link, query) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  return new Promise((resolve, reject) => {
    const subscription = client.subscribe({ query: gql(query) }).subscribe({
      next: ({ data, error }) => {
        setTimeout(() => subscription.unsubscribe());
        return error ? reject(error) : resolve({ data });
      },
      error: reject,
    });
  });
}

const apolloMultipart = (query) => apollo(new HttpLink({ uri: shop.demo, headers }), query);

async function apolloSocket(query) {
  const client = createSockets({ url: socketUrl, connectionParams: headers, retryAttempts: 0 });
  const payload = await apollo(new GraphQLWsLink(client), query);
  await client.dispose();
  return payload;
}

// GraphiQL's page makes a fetcher of the toolkit: its own script is run here, without anything to be seen.
async function graphiql(query) {
  const page = await (await fetch(shop.demo, { headers: { accept: "text/html" } })).text();
  const [, script] = page.match(/<script>([^]*?)<\/script>/);
  let fetcher;
  const GraphiQL = { createFetcher: (options) => (fetcher = toolkit.createGraphiQLFetcher({ ...options, fetch })) };
  const nothing = { createRoot: () => ({ render() {} }), createElement() {}, getElementById() {} };
  const names = ["GraphiQL", "React", "ReactDOM", "document", "location"];
  new Function(...names, script)(GraphiQL, nothing, nothing, nothing, new URL(shop.demo));
  return first(await fetcher({ query }, { documentAST: parse(query), headers }));
}

const clients = { eventStreams, sockets, apolloMultipart, apolloSocket, graphiql };
const scenarios = {};
for (const [name, subscribe] of Object.entries(clients)) {
  scenarios[name] = () => Promise.all(shop.subscriptions.split("\n").map(subscribe));
}
await report(scenarios);
process.exit(); // GraphiQL leaves its socket to the page
