// Composes the subgraphs given as JSON, name to SDL, and prints what is wrong with them and the supergraph's types.
import composition from "@apollo/composition";
import { parse } from "graphql";

const subgraphs = Object.entries(JSON.parse(process.argv[2]));
const services = subgraphs.map(([name, sdl]) => ({ name, url: `http://${name}.example`, typeDefs: parse(sdl) }));
const result = composition.composeServices(services);
const errors = (result.errors ?? []).map(({ message }) => message);
console.log(JSON.stringify({ errors, supergraph: result.supergraphSdl ?? "" }));
