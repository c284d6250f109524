// Starts a mock server for each document that is named, prints their addresses as one line, and ends with its input.
// What it answers depends on the document only, and it says in a header what is wrong with a request or an answer.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { createLogger } = require("@stoplight/prism-core");
const { getHttpOperationsFromSpec } = require("@stoplight/prism-http");
const { createServer } = require("@stoplight/prism-http-server");

const logger = createLogger("mocks", { level: "silent" });
const config = {
  isProxy: false,
  validateRequest: true,
  validateResponse: true,
  checkSecurity: false,
  errors: false,
  mock: { dynamic: true, seed: "weft" },
};

const addresses = [];
for (const path of process.argv.slice(2)) {
  const operations = await getHttpOperationsFromSpec(path);
  const server = createServer(operations, { cors: false, components: { logger }, config });
  addresses.push(await server.listen(0, "127.0.0.1"));
}
console.log(JSON.stringify(addresses));
process.stdin.on("end", () => process.exit(0)).resume();
