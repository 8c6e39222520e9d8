#!/usr/bin/env python3
"""python-socketio as a stock client, with handlers of one argument (which connection state recovery's
offset would break), over both transports. Usage: python_client.py URL"""
import asyncio
import json
import sys
import urllib.request

import socketio

URL = sys.argv[1]


def call(method, path, body=None, token=None):
    request = urllib.request.Request(URL + path, method=method)
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    with urllib.request.urlopen(request, data) as answer:
        return json.load(answer)


class Client:
    def __init__(self, user):
        self.user = user
        self.messages = []
        self.hello = None
        self.socket = socketio.AsyncClient(reconnection=False)

        @self.socket.on("message")
        async def message(data):  # one argument only
            self.messages.append(data)

        @self.socket.on("hello")
        async def hello(data):
            self.hello = data

    async def connect(self, transports):
        await self.socket.connect(URL, auth={"token": self.user["token"]}, transports=transports)


async def chat(transports):
    users = [call("POST", "/api/users/login", {"userName": f"py{len(transports)}{transports[0]}{i}"}) for i in range(2)]
    group = call("POST", "/api/chats", {"chatName": "파이썬", "isPersonal": False, "users": []}, users[0]["token"])
    clients = [Client(user) for user in users]
    for client in clients:
        await client.connect(transports)
        answer = await client.socket.call("joinRoom", {"chatId": group["_id"], "number": group["number"]})
        assert answer["ok"], answer
    for i in range(5):
        answer = await clients[i % 2].socket.call(
            "sendMessage", {"chatId": group["_id"], "content": f"뱀 {i}", "clientMsgId": f"p{i}"})
        assert answer["ok"] and not answer["duplicate"], answer
    for _ in range(200):
        if all(len([m for m in c.messages if m["type"] == "text"]) == 5 for c in clients):
            break
        await asyncio.sleep(0.05)
    for client in clients:
        assert client.hello["epoch"], client.hello
        texts = [m["content"] for m in client.messages if m["type"] == "text"]
        assert texts == [f"뱀 {i}" for i in range(5)], texts
        await client.socket.disconnect()


async def refused():
    client = socketio.AsyncClient(reconnection=False)
    try:
        await client.connect(URL, auth={"token": "no"}, transports=["websocket"], wait_timeout=5)
    except socketio.exceptions.ConnectionError:
        return
    raise AssertionError("a wrong token was accepted")


async def main():
    await chat(["polling"])
    await chat(["websocket"])
    await chat(["polling", "websocket"])
    await refused()
    print("python_client: 4 passed, 0 failed")


asyncio.run(main())
