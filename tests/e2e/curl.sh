#!/usr/bin/env bash
# Plain REST with curl, as a shell script would use it. Usage: curl.sh URL
set -euo pipefail
url="$1"
json() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval(sys.argv[1], {"d": d}))' "$1"; }
request() { curl --silent --show-error --fail-with-body -H 'Content-Type: application/json' "$@"; }

token=$(request "$url/api/users/login" -d '{"userName":"curl one"}' | json 'd["token"]')
other=$(request "$url/api/users/login" -d '{"userName":"curl two"}' | json 'd["token"]')
me=$(request "$url/api/users/me" -H "Authorization: Bearer $token" | json 'd["userName"]')
[ "$me" = "curl one" ]
chat=$(request "$url/api/chats" -H "Authorization: Bearer $token" \
  -d '{"chatName":"마루","isPersonal":false,"users":[]}' | json 'd["_id"]')
request -X POST "$url/api/chats/$chat/join" -H "Authorization: Bearer $other" -d '{}' >/dev/null
for i in 1 2 3; do
  request "$url/api/messages/$chat" -H "Authorization: Bearer $token" \
    -d "{\"content\":\"안녕 $i\",\"clientMsgId\":\"c$i\"}" >/dev/null
done
again=$(request "$url/api/messages/$chat" -H "Authorization: Bearer $token" \
  -d '{"content":"안녕 3","clientMsgId":"c3"}' | json 'd["duplicate"]')
[ "$again" = True ]
texts=$(request "$url/api/messages/$chat?limit=2" -H "Authorization: Bearer $other" | json '" ".join(m["content"] for m in d)')
[ "$texts" = "안녕 2 안녕 3" ]
headers=$(curl --silent -o /dev/null -D - "$url/api/messages/$chat?limit=2" -H "Authorization: Bearer $other" | tr -d '\r' | tr 'A-Z' 'a-z')
grep -q '^x-first-sequence: 3$' <<<"$headers"
grep -q '^x-last-sequence: 4$' <<<"$headers"
grep -q '^x-has-more: true$' <<<"$headers"
status=$(curl --silent -o /dev/null -w '%{http_code}' "$url/api/users/me")
[ "$status" = 401 ]
request -X POST "$url/api/users/logout" -H "Authorization: Bearer $token" -d '{}' >/dev/null
status=$(curl --silent -o /dev/null -w '%{http_code}' "$url/api/users/me" -H "Authorization: Bearer $token")
[ "$status" = 401 ]
echo "curl: 1 passed, 0 failed"
