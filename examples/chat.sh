#!/usr/bin/env bash
# A whole chat with curl.    bash chat.sh [http://localhost:5001]
set -euo pipefail
url="${1:-http://localhost:5001}"
post() { curl -fsS -H 'Content-Type: application/json' ${TOKEN:+-H "Authorization: Bearer $TOKEN"} "$url$1" -d "$2"; }
field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/"; }

TOKEN=$(post /api/users/login "{\"userName\":\"guest $RANDOM$RANDOM\"}" | field token)
chat=$(post /api/chats '{"chatName":"마루","isPersonal":false,"users":[]}' | sed -E 's/^\{"_id":"([0-9a-f]{24})".*/\1/')
post "/api/messages/$chat" '{"content":"안녕, 마루!","clientMsgId":"first"}'
echo
curl -fsS -H "Authorization: Bearer $TOKEN" "$url/api/messages/$chat?limit=50"
echo
