// IBM's openapi-to-graphql, with the options under which it makes the most of a document.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { measured } from "./measured.mjs";

const require = createRequire(process.cwd() + "/");
const { createGraphQLSchema } = require("openapi-to-graphql");
const yaml = require("yaml");

await measured(async (path) => {
  const text = readFileSync(path, "utf8");
  const document = path.endsWith(".json") ? JSON.parse(text) : yaml.parse(text);
  const { schema, report } = await createGraphQLSchema(document, {
    strict: false,
    fillEmptyResponses: true,
    operationIdFieldNames: true,
    viewer: false,
    baseUrl: "http://127.0.0.1:9",
  });
  return { schema, reasons: report.warnings.map((warning) => warning.type) };
});
