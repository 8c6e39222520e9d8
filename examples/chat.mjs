// A whole chat with the stock JavaScript client.
//   npm install socket.io-client && node chat.mjs [http://localhost:5001]
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Finds socket.io-client from the working directory, wherever this file lies.
const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { io } = require("socket.io-client");
const url = process.argv[2] ?? "http://localhost:5001";

const post = (path, body, token) =>
  fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  }).then((answer) => answer.json());

const guest = Math.random().toString(36).slice(2, 8);
const me = await post("/api/users/login", { userName: `guest ${guest}` });
const chat = await post("/api/chats", { chatName: "마루", isPersonal: false, users: [] }, me.token);

const socket = io(url, { auth: { token: me.token } });
socket.on("message", (message) => console.log(`${message.sequence} ${message.fromUserName}: ${message.content}`));

await socket.emitWithAck("joinRoom", { chatId: chat._id });
const sent = await socket.emitWithAck("sendMessage", { chatId: chat._id, content: "안녕, 마루!", clientMsgId: "first" });
console.log(`stored as number ${sent.message.sequence}`);
socket.disconnect();
