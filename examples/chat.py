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
    heard = asyncio.Event()

    @socket.on("message")
    async def message(data):
        print(data["sequence"], data["fromUserName"] + ":", data["content"])
        heard.set()

    # Recovery would add an argument to every event, which this handler does not take.
    await socket.connect(url, auth={"token": me["token"], "recovery": False})
    await socket.call("joinRoom", {"chatId": chat["_id"]})
    sent = await socket.call("sendMessage", {"chatId": chat["_id"], "content": "안녕, 마루!", "clientMsgId": "first"})
    if not sent["ok"]:
        sys.exit(str(sent["error"]))
    print("stored as number", sent["message"]["sequence"])
    await asyncio.wait_for(heard.wait(), 10)
    await socket.disconnect()


asyncio.run(main())
