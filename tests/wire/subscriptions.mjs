// Subscriptions: each client with the protocol that it speaks, over one graph of generators.
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client as Urql, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as createEventStreams } from "graphql-sse";
import { createClient as createSockets } from "graphql-ws";
import WebSocket from "ws";
import { report, shop, wire } from "./shop.mjs";

globalThis.WebSocket ??= WebSocket; // browsers, and node from version 22, have it

const COUNT = "subscription Count($to: Int!) { count(to: $to) }";
const FOREVER = "subscription Forever { forever }";
const FAILING = "subscription Failing { failing }";
const WRONG = "subscription Wrong { wrong }";

// What a client is told, to the end, or up to the payload after which `enough` has it leave.
function told(subscribe, enough = () => false) {
  return new Promise((resolve) => {
    const payloads = [];
    let leave = () => {};
    let left = false;
    const leaving = () => setTimeout(() => (leave(), resolve({ payloads, left })));
    leave = subscribe({
      next(payload) {
        if (left) return;
        payloads.push(payload);
        left = enough(payload);
        if (left) leaving();
      },
      error: (error) => resolve({ payloads, error: seen(error) }),
      complete: () => resolve({ payloads, completed: true }),
    });
  });
}

// The codes and messages of errors, whatever the client made of them.
function seen(error) {
  const errors = Array.isArray(error) ? error : (error.errors ?? error.graphQLErrors ?? [error]);
  return errors.map(({ message, extensions }) => [message, extensions?.code ?? null]);
}

// A payload with errors reads as Apollo Client and urql make it read.
const reading = (sink) => ({
  ...sink,
  next: ({ data, errors }) => (errors ? sink.error({ errors }) : sink.next(data)),
});

// -- graphql-sse --------------------------------------------------------------------------------------------------

function sse(query, variables = {}, enough = undefined) {
  const { fetch, sent } = wire();
  const client = createEventStreams({ url: shop.stream, fetchFn: fetch, retryAttempts: 3 });
  const ask = (sink) => client.subscribe({ query, variables }, reading(sink));
  return told(ask, enough).then((outcome) => ({ ...outcome, sent }));
}

// -- Apollo Client ------------------------------------------------------------------------------------------------

function apollo(link) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  return (query, variables, enough) => told((sink) => {
    const observable = client.subscribe({ query: gql(query), variables, errorPolicy: "all" });
    const subscription = observable.subscribe({
      ...sink,
      next: ({ data, error }) => (error ? sink.error(error) : sink.next(data)),
    });
    return () => subscription.unsubscribe();
  }, enough);
}

function overMultipart(query, variables, enough) {
  const { fetch, sent } = wire();
  const link = new HttpLink({ uri: shop.stream, fetch });
  return apollo(link)(query, variables, enough).then((outcome) => ({ ...outcome, sent }));
}

function sockets() {
  return createSockets({ url: shop.stream.replace("http", "ws") });
}

async function overSocket(query, variables, enough) {
  const client = sockets();
  const outcome = await apollo(new GraphQLWsLink(client))(query, variables, enough);
  await client.dispose();
  return outcome;
}

// -- graphql-ws ---------------------------------------------------------------------------------------------------

async function ws(query, variables, enough) {
  const client = sockets();
  const ask = (sink) => client.subscribe({ query, variables }, reading(sink));
  const outcome = await told(ask, enough);
  await client.dispose();
  return outcome;
}

// -- urql ---------------------------------------------------------------------------------------------------------

function urql(options, exchanges = [fetchExchange]) {
  return (query, variables, enough) => {
    const { fetch, sent } = wire();
    const client = new Urql({ url: shop.stream, exchanges, fetch, preferGetMethod: false, ...options });
    return told((sink) => {
      const subscription = client.subscription(query, variables ?? {}).subscribe(({ data, error, hasNext }) => {
        if (error) sink.error(error);
        else if (hasNext) sink.next(data);
        else sink.complete();
      });
      return () => subscription.unsubscribe();
    }, enough).then((outcome) => ({ ...outcome, sent }));
  };
}

const urqlStreams = urql({ fetchSubscriptions: true });

async function urqlSocket(query, variables, enough) {
  const client = sockets();
  const exchange = subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => ({ unsubscribe: client.subscribe({ ...request, query: request.query ?? "" }, sink) }),
    }),
  });
  const outcome = await urql({}, [exchange])(query, variables, enough);
  await client.dispose();
  return outcome;
}

const clients = { sse, overMultipart, overSocket, ws, urqlStreams, urqlSocket };
const scenarios = {};
for (const name of shop.clients.split(" ")) {
  const subscribe = clients[name];
  scenarios[`${name} counts`] = () => subscribe(COUNT, { to: 3 });
  scenarios[`${name} leaves`] = () => subscribe(FOREVER, undefined, ({ forever }) => forever === 2);
  scenarios[`${name} fails`] = () => subscribe(FAILING);
  scenarios[`${name} is wrong`] = () => subscribe(WRONG);
  if (!["sse", "ws"].includes(name)) continue; // the other ones ask queries otherwise
  scenarios[`${name} queries`] = () => subscribe("{ here }");
  scenarios[`${name} mutates`] = () => subscribe("mutation { change }");
}

await report(scenarios);
