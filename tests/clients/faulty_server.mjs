// An MCP server on standard input and output whose one tool has one fault and one thing to be warned of in its schema.
import { createInterface } from "node:readline";

const properties = { list: { type: "array", items: true }, maybe: { type: ["string", "null"] } };
const answers = {
    initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "faulty", version: "1" } }),
    "tools/list": () => ({ tools: [{ name: "faulty", inputSchema: { type: "object", properties } }] }),
};
for await (const line of createInterface({ input: process.stdin })) {
    const { id, method, params } = JSON.parse(line);
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method]?.(params) ?? {} }));
}
