#!/usr/bin/env python3
"""python-socketio as it comes, for come_back.test.mjs, which says what it shall do on standard input;
what it sees it prints, a JSON object a line.
Usage: python_come_back.py URL TOKEN asynchronous|threaded TRANSPORT..."""
import asyncio
import json
import sys
import threading

import socketio

URL, TOKEN, KIND = sys.argv[1:4]
TRANSPORTS = sys.argv[4:]
LONG = "가" * 990
later = []
lock = threading.Lock()


def say(**what):
    with lock:  # handlers run on threads of their own
        print(json.dumps(what), flush=True)


def on_message(data):
    if data["type"] == "text":
        say(heard=data["content"])


def messages():
    """What was to be sent later, and its callbacks."""
    for chat, count in later:
        for i in range(count):
            payload = {"chatId": chat, "content": f"{i} {LONG}", "clientMsgId": f"q{i}"}
            yield payload, lambda answer: say(acked=answer)
    later.clear()


def commands():
    for line in sys.stdin:
        name, chat, *count = line.split()
        if name == "join":
            yield chat
        else:
            later.append((chat, int(count[0])))


def threaded():
    socket = socketio.Client()
    socket.on("message", on_message)
    socket.on("serverDraining", lambda data: say(told=True))

    @socket.event
    def connect():
        say(connected=True)
        for payload, acked in messages():
            socket.emit("sendMessage", payload, callback=acked)

    socket.connect(URL, auth={"token": TOKEN}, transports=TRANSPORTS)
    for chat in commands():
        say(joined=socket.call("joinRoom", {"chatId": chat}))
    socket.wait()


async def asynchronous():
    socket = socketio.AsyncClient()
    socket.on("message", on_message)
    socket.on("serverDraining", lambda data: say(told=True))

    @socket.event
    async def connect():
        say(connected=True)
        for payload, acked in messages():
            await socket.emit("sendMessage", payload, callback=acked)

    await socket.connect(URL, auth={"token": TOKEN}, transports=TRANSPORTS)
    loop = asyncio.get_running_loop()

    def read():
        for chat in commands():
            joined = asyncio.run_coroutine_threadsafe(socket.call("joinRoom", {"chatId": chat}), loop)
            say(joined=joined.result())

    threading.Thread(target=read, daemon=True).start()
    await asyncio.Event().wait()


if KIND == "threaded":
    threaded()
else:
    asyncio.run(asynchronous())
