#include "gateway/events/hello.hpp"

#include "base/limits.hpp"
#include "gateway/operations.hpp"
#include "json/writer.hpp"

namespace maru::gateway {
namespace {

void write_user(json::Writer& writer, const Identity& identity) {
  const bool is_account = identity.type == chat::AccountType::kAccount;
  writer.begin_object().key("_id").id(identity.user).key("id").id(identity.user);
  writer.key("userName").string(identity.user_name);
  writer.key("accountType").string(is_account ? "account" : "guest").end_object();
}

void write_limits(json::Writer& writer) {
  const auto number = [&](std::string_view key, std::uint64_t value) {
    writer.key(key).integer(value);
  };
  writer.begin_object();
  number("messageCodePoints", limits::kMessageCodePointsMax);
  number("messageBytes", limits::kMessageRawBytesMax);
  number("clientMsgIdBytes", limits::kClientMsgIdBytesMax);
  number("groupMembers", limits::kGroupMembersMax);
  number("chatsPerUser", limits::kChatsPerUserMax);
  number("historyPage", limits::kHistoryPageMax);
  number("syncChats", limits::kSyncChatsMax);
  number("syncEventsPerChat", limits::kSyncEventsPerChatMax);
  number("watchedUsers", limits::kWatchedUsersMax);
  number("payloadBytes", limits::kMaxPayloadBytes);
  writer.end_object();
}

}  // namespace

net::TextFrame make_hello(const GatewayOptions& options, WallTime now, const Identity* identity,
                          wire::Position position) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().key("epoch").string(options.store_epoch);
  writer.key("serverTime").time(now).key("user");
  if (identity != nullptr) {
    write_user(writer, *identity);
  } else {
    writer.null();
  }
  writer.key("limits");
  write_limits(writer);
  writer.key("features").begin_array();
  for (const Operation& operation : operations()) {
    if (operation.is_event()) writer.string(operation.event.name);
  }
  writer.end_array().end_object();
  return wire::make_event("hello", out, position);
}

}  // namespace maru::gateway
