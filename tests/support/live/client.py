"""Follows live updates by WebSocket, by a library that is independent of the product.

usage: client.py URL [--plain] [--origin ORIGIN] [--say TEXT]

Prints JSON, a line each: {"extensions": ...} or {"refused": STATUS} first, then each message as it came, and in the end
{"closed": CODE, "reason": ...}. --plain offers no compression; --say sends a message.
"""

import argparse
import asyncio
import json

import websockets

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--plain", action="store_true")
parser.add_argument("--origin")
parser.add_argument("--say")
wanted = parser.parse_args()


def tell(text):
    print(text, flush=True)


async def main():
    compression = None if wanted.plain else "deflate"
    try:
        socket = await websockets.connect(
            wanted.url, compression=compression, origin=wanted.origin, max_size=1 << 26
        )
    except websockets.InvalidStatusCode as refusal:
        tell(json.dumps({"refused": refusal.status_code}))
        return
    tell(json.dumps({"extensions": socket.response_headers.get("Sec-WebSocket-Extensions")}))
    try:
        if wanted.say:
            await socket.send(wanted.say)
        while True:
            tell(await socket.recv())
    except websockets.ConnectionClosed as end:
        code = end.rcvd.code if end.rcvd else None
        tell(json.dumps({"closed": code, "reason": end.rcvd.reason if end.rcvd else None}))


asyncio.run(main())
