// What every client's script shares: the shop's addresses, a fetch that writes down what crosses the wire, a report.

// url: the gateway. batched: one that takes arrays. partial: its inventory is down. silent: its inventory never answers.
export const shop = JSON.parse(process.env.SHOP);

// A fetch, and what went through it: method, names of the parameters, status, media type of each exchange.
export function wire() {
  const sent = [];
  const record = async (input, init = {}) => {
    const response = await fetch(input, init);
    const type = (response.headers.get("content-type") ?? "").split(";")[0];
    sent.push(`${init.method ?? "GET"} ${named(input, init)}: ${response.status} ${type}`);
    return response;
  };
  return { fetch: record, sent };
}

function named(input, init) {
  if (typeof init.body !== "string") return [...new URL(String(input)).searchParams.keys()].sort().join(",");
  const body = JSON.parse(init.body);
  return Array.isArray(body) ? `batch of ${body.length}` : Object.keys(body).sort().join(",");
}

// Run each scenario, and print what it gave, or what it threw, as one JSON object.
export async function report(scenarios) {
  const outcomes = {};
  for (const [name, scenario] of Object.entries(scenarios)) {
    try {
      outcomes[name] = { gave: (await scenario()) ?? null };
    } catch (error) {
      outcomes[name] = { threw: String(error?.stack ?? error) };
    }
  }
  process.stdout.write(JSON.stringify(outcomes));
}
