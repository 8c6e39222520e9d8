#!/usr/bin/env bash
# A whole chat with curl: login, a group, a message, the history. With a server running (`make run`):
#
#   bash examples/chat.sh                            # http://localhost:5001
#   bash examples/chat.sh https://chat.example.org
#
# Needs bash, curl and grep. Prints the message as it was stored and the history; ends with an error where
# anything is refused.
set -euo pipefail
url="${1:-http://localhost:5001}"
post() { curl -fsS -H 'Content-Type: application/json' ${TOKEN:+-H "Authorization: Bearer $TOKEN"} "$url$1" -d "$2"; }
# The value of a field that every answer has; nothing printed, and the script ends, where it is missing.
field() { grep -oE "\"$1\":\"[^\"]*\"" | head -1 | cut -d '"' -f 4 | grep .; }

TOKEN=$(post /api/users/login "{\"userName\":\"guest $RANDOM$RANDOM\"}" | field token)
chat=$(post /api/chats '{"chatName":"마루","isPersonal":false,"users":[]}' | field _id)
post "/api/messages/$chat" '{"content":"안녕, 마루!","clientMsgId":"first"}'
echo
curl -fsS -H "Authorization: Bearer $TOKEN" "$url/api/messages/$chat?limit=50"
echo
