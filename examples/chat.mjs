// A whole chat with the stock JavaScript client.
//   npm install socket.io-client && node chat.mjs [http://localhost:5001]
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// Finds socket.io-client from the working directory, wherever this file lies.
const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { io } = require("socket.io-client");
const url = process.argv[2] ?? "http://localhost:5001";

async function post(path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return answer.json();
}

const name = `guest ${Math.random().toString(36).slice(2, 8)}`;
const me = await post("/api/users/login", { userName: name });
const chat = await post("/api/chats", { chatName: "마루", isPersonal: false, users: [] }, me.token);

const socket = io(url, { auth: { token: me.token }, ackTimeout: 10_000 });
const heard = new Promise((resolve) => socket.once("message", resolve));
socket.on("message", (message) => console.log(`${message.sequence} ${message.fromUserName}: ${message.content}`));

await socket.emitWithAck("joinRoom", { chatId: chat._id });
const sent = await socket.emitWithAck("sendMessage", { chatId: chat._id, content: "안녕, 마루!", clientMsgId: "first" });
if (!sent.ok) throw new Error(JSON.stringify(sent.error));
console.log(`stored as number ${sent.message.sequence}`);
await heard;
socket.disconnect();
