// The loader of GraphQL Mesh for OpenAPI documents.
import { createRequire } from "node:module";
import { measured } from "./measured.mjs";

const require = createRequire(process.cwd() + "/");
const { loadGraphQLSchemaFromOpenAPI } = require("@omnigraph/openapi");

const silent = { log() {}, info() {}, debug() {}, warn() {}, error() {}, child: () => silent, dispose() {} };

await measured(async (path) => {
  const schema = await loadGraphQLSchemaFromOpenAPI("api", {
    source: path,
    cwd: process.cwd(),
    endpoint: "http://127.0.0.1:9",
    logger: silent,
    fetch: () => Promise.reject(new Error("nothing is fetched here")),
  });
  return { schema, reasons: [] };
});
