// Starts Apollo's gateway over the subgraphs given as JSON, name to address, runs the operations given, prints the responses.
import { ApolloGateway, IntrospectAndCompose } from "@apollo/gateway";
import { parse } from "graphql";

const subgraphs = Object.entries(JSON.parse(process.argv[2])).map(([name, url]) => ({ name, url }));
const logger = { debug() {}, info() {}, warn: console.error, error: console.error };
const gateway = new ApolloGateway({ logger, supergraphSdl: new IntrospectAndCompose({ subgraphs, logger }) });
const { executor } = await gateway.load();
const responses = [];
for (const query of JSON.parse(process.argv[3])) {
  const request = { query, variables: {} };
  const cache = { get: async () => undefined, set: async () => {}, delete: async () => {} };
  const { data, errors } = await executor({
    request, document: parse(query), queryHash: query, operationName: null, context: {}, cache, logger, metrics: {},
  });
  responses.push({ data, errors: errors?.map(({ message, path, extensions }) => ({ message, path, code: extensions?.code })) });
}
await gateway.stop();
console.log(JSON.stringify(responses));
