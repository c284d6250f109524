// What benchmarks/corpus/weft.py measures, of a schema of graphql-js: one line of JSON for the import, one for the check.
import { createRequire } from "node:module";
import { readFileSync, writeSync } from "node:fs";

const require = createRequire(process.cwd() + "/");
const graphql = require("graphql");
const ANYTHING = new Set(["JSON", "JSONObject", "ObjMap", "TransportOptions"]);

// Written at once, since what follows may end the process.
const say = (line) => writeSync(1, "\n@ " + JSON.stringify(line) + "\n");

// Not resourceUsage(): what that says is at least the memory of whoever started this process.
const peakBytes = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024;

// Of all threads: graphql-js runs in one, but the garbage collector has some.
function cpuS() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function counted(schema, reasons, importS) {
  const types = Object.values(schema.getTypeMap()).filter((type) => !graphql.isIntrospectionType(type));
  const objects = types.filter(graphql.isObjectType);
  const fields = objects.flatMap((type) => Object.values(type.getFields()));
  const roots = [schema.getQueryType(), schema.getMutationType()].filter(Boolean);
  const losses = {};
  for (const reason of reasons) losses[reason] = (losses[reason] ?? 0) + 1;
  return {
    import_s: importS,
    peak_bytes: peakBytes(),
    // "dummy" and "placeholder" stand where there is no operation for a root type.
    operation_fields: roots
      .flatMap((root) => Object.keys(root.getFields()))
      .filter((name) => !/^(dummy|placeholder|_placeholder|_empty)$/.test(name)).length,
    types: types.length,
    fields: fields.length,
    json_fields: fields.filter((field) => ANYTHING.has(graphql.getNamedType(field.type).name)).length,
    losses,
  };
}

function faults(schema) {
  const found = graphql.validateSchema(schema);
  return found.length ? found : graphql.validateSchema(graphql.buildSchema(graphql.printSchema(schema)));
}

export async function measured(imported) {
  let started = cpuS();
  try {
    const { schema, reasons } = await imported(process.argv[2]);
    say({ measures: counted(schema, reasons, cpuS() - started) });
    started = cpuS();
    const found = faults(schema);
    say({
      check_s: cpuS() - started,
      failure: found.length ? "invalid schema" : null,
      message: found.slice(0, 3).map(String).join("; ").slice(0, 2000),
    });
  } catch (error) {
    say({ failure: error?.name ?? "Error", message: String(error?.message ?? error).slice(0, 2000) });
  }
  process.exit(0);
}
