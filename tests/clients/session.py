"""One session of the Python client: a question a line on standard input, an answer a line on standard output."""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError


async def ask(client, method, params):
    match method:
        case "tools/list":
            return await client.list_tools()
        case "tools/call":
            return await client.call_tool(params["name"], params["arguments"])
        case "resources/list":
            return await client.list_resources()
        case "resources/templates/list":
            return await client.list_resource_templates()
        case "resources/read":
            return await client.read_resource(params["uri"])


async def answer(client, method, params):
    try:
        result = await ask(client, method, params)
        return {"result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}
    except MCPError as error:
        return {"error": str(error)}


async def main():
    where = json.loads(sys.stdin.readline())
    transport = streamable_http_client(where["url"], http_client=create_mcp_http_client(headers=dict(where["headers"])))
    async with Client(transport, mode=where["mode"]) as client:
        print(json.dumps({"result": client.protocol_version}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            question = json.loads(line)
            print(json.dumps(await answer(client, question["method"], question["params"])), flush=True)


asyncio.run(main())
