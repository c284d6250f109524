// What GraphiQL, Altair and code generators do first: fetch the schema with everything that can be asked about it.
import { buildClientSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from "graphql";
import { report, shop, wire } from "./shop.mjs";

async function schema() {
  const { fetch, sent } = wire();
  const query = getIntrospectionQuery({
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  });
  const headers = { accept: "application/json, multipart/mixed", "content-type": "application/json" };
  const body = JSON.stringify({ query, operationName: "IntrospectionQuery" });
  const response = await fetch(shop.url, { method: "POST", headers, body });
  const { data } = await response.json();
  const sdl = printSchema(lexicographicSortSchema(buildClientSchema(data)));
  return { sdl, encoding: response.headers.get("content-encoding"), sent };
}

await report({ schema });
