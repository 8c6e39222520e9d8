// POST /chats {chatName, isPersonal, owner?, users}: a group, or the 1:1 of two users.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "text/text.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

// The header's value; draft-ietf-httpapi-idempotency-key-header writes it in quotes.
Result<std::optional<std::string>> idempotency_key(const net::RequestHead& head) {
  std::string_view key = head.field("idempotency-key");
  if (key.empty()) return std::optional<std::string>();
  if (key.size() >= 2 && key.front() == '"' && key.back() == '"') {
    key = key.substr(1, key.size() - 2);
  }
  if (!text::is_client_msg_id(key)) {
    return fail_field("Idempotency-Key", "format",
                      "An Idempotency-Key has 1 to 64 of A-Z a-z 0-9 _ and -.");
  }
  return std::optional<std::string>(key);
}

struct Wish {
  Asks asks{Access::kActor, Named(std::optional<UserId>(), "owner")};
  std::optional<std::string> name;
  bool is_personal = false;
  std::vector<UserId> users;
  std::optional<std::string> key;
};

Result<Wish> decode_wish(const Call& call, const json::Value& body) {
  Wish wish;
  auto is_personal = optional_bool(body, "isPersonal", false);
  if (!is_personal) return std::unexpected(std::move(is_personal.error()));
  wish.is_personal = *is_personal;
  auto raw_name = optional_string(body, "chatName");
  if (!raw_name) return std::unexpected(std::move(raw_name.error()));
  if (*raw_name) {
    auto name = text::clean_chat_name(**raw_name);
    if (!name) return std::unexpected(std::move(name.error()));
    wish.name = std::move(*name);
  } else if (!wish.is_personal) {
    return fail_field("chatName", "required", "The field chatName is required.");
  }
  // However many: the core answers chat_full, counted with the owner.
  auto users = user_id_array(body, "users");
  if (!users) return std::unexpected(std::move(users.error()));
  wish.users = std::move(*users);
  if (call.is_open()) {
    auto owner = optional_id<UserId>(body, "owner");
    if (!owner) return std::unexpected(std::move(owner.error()));
    wish.asks.named.id = *owner;  // believed in open mode
  }
  auto key = idempotency_key(call.head());
  if (!key) return std::unexpected(std::move(key.error()));
  wish.key = std::move(*key);
  return wish;
}

// A 1:1 without a name is called after its two users, as clients of the original do it.
Result<std::string> default_name(chat::Snapshot& snapshot, const Caller& caller,
                                 const std::vector<UserId>& users) {
  std::string name = caller.name;
  for (const UserId& id : users) {
    if (id == caller.user) continue;
    const auto user = snapshot.find_user(id);
    if (!user) return std::unexpected(user.error());
    if (*user) name += ", " + (*user)->name;
    break;
  }
  return name;
}

void log_created(const Call& call, const UserId& user, const chat::ChatDocument& document) {
  log::audit("audit_chat_created", {{"user", user.hex()},
                                    {"chat", document.chat.id.hex()},
                                    {"members", document.members.size()},
                                    {"ip", call.head().peer_address},
                                    {"request_id", call.request_id()}});
}

Answering create(Call& call, Wish wish) {
  Result<Caller> caller = co_await known(call, wish.asks);
  if (!caller) co_return std::unexpected(caller.error());
  const Toll of_user{Rate::kJoinsOfUser, RateLimiter::key_of(caller->user)};
  caller = co_await admit(call, wish.asks, std::move(*caller), of_user);
  if (!caller) co_return std::unexpected(caller.error());
  if (!wish.name) {
    Result<std::string> name =
        co_await read(call, wish.asks, [&](chat::Snapshot& snapshot, Caller& latest) {
          return default_name(snapshot, latest, wish.users);
        });
    if (!name) co_return std::unexpected(name.error());
    wish.name = std::move(*name);
  }
  chat::CreateChat command{caller->user, std::move(*wish.name), wish.is_personal,
                           std::move(wish.users), std::move(wish.key)};
  const chat::Reply reply = co_await submit(call, std::move(command));
  if (!reply) co_return std::unexpected(reply.error());
  const auto& created = std::get<chat::ChatCreated>(*reply);
  if (!created.existed) log_created(call, caller->user, created.document);
  std::string json;
  json::Writer out(json);
  wire::write_chat(out, created.document, wire::OwnerForm::kId);
  co_return json_answer(std::move(json));
}

}  // namespace

Answering create_chat(Call& call, const json::Value& body) {
  auto wish = decode_wish(call, body);
  if (!wish) return refused(std::move(wish.error()));
  return create(call, std::move(*wish));
}

}  // namespace maru::gateway::rest
