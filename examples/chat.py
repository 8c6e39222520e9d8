"""A whole chat with python-socketio (Debian: python3-socketio python3-aiohttp).

    python3 chat.py [http://localhost:5001]
"""
import asyncio
import json
import random
import sys
import urllib.request

import socketio

url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5001"


def post(path, body, token=""):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    if token:
        request.add_header("Authorization", "Bearer " + token)
    return json.load(urllib.request.urlopen(request))


async def main():
    me = post("/api/users/login", {"userName": f"guest {random.randrange(10**6)}"})
    chat = post("/api/chats", {"chatName": "마루", "isPersonal": False, "users": []}, me["token"])
    socket = socketio.AsyncClient()

    @socket.on("message")
    async def message(data):
        print(data["sequence"], data["fromUserName"] + ":", data["content"])

    await socket.connect(url, auth={"token": me["token"]})
    await socket.call("joinRoom", {"chatId": chat["_id"]})
    sent = await socket.call("sendMessage", {"chatId": chat["_id"], "content": "안녕, 마루!", "clientMsgId": "first"})
    print("stored as number", sent["message"]["sequence"])
    await socket.disconnect()


asyncio.run(main())
