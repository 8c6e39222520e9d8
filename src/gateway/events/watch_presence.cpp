// watchPresence {userIds:[≤200]} → {presence:[{userId,active,lastSeenAt}]}, then `presence` events.
#include <algorithm>
#include <string>
#include <utility>

#include "fanout/presence/presence.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/presence_watch.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/flow.hpp"
#include "json/writer.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway {

Result<std::vector<Watched>> read_watched(chat::Snapshot& snapshot, AuthMode mode, UserId asker,
                                          std::vector<UserId> users) {
  if (mode == AuthMode::kAccounts) {
    auto sharing = snapshot.filter_sharing_chat(asker, users);
    if (!sharing) return std::unexpected(std::move(sharing.error()));
    users = std::move(*sharing);
  }
  std::vector<Watched> watched;
  watched.reserve(users.size());
  for (const UserId& id : users) {
    auto user = snapshot.find_user(id);
    if (!user) return std::unexpected(std::move(user.error()));
    if (*user && !(*user)->deleted_at) {
      watched.push_back({.user = id, .last_seen_at = (*user)->last_seen_at});
    }
  }
  return watched;
}

Task<std::vector<Watched>> watch(RealtimeCore& core, SessionKey session,
                                 std::vector<Watched> watched, std::uint64_t memberships_ended) {
  std::vector<UserId> users;
  users.reserve(watched.size());
  for (const Watched& one : watched) users.push_back(one.user);
  // Watch before asking: a change in between comes as an event.
  ClientSession& watcher = *core.sessions.find(session);
  core.rooms.watch(watcher, users);
  if (core.rooms.memberships_ended() != memberships_ended) recheck_presence(core, watcher.user);
  const Online online = co_await ask_online(core.context.presence, std::move(users));
  for (Watched& one : watched) one.online = online.contains(one.user);
  co_return watched;
}

Task<void> watch_and_tell(RealtimeCore& core, SessionKey session, std::vector<Watched> watched,
                          std::uint64_t memberships_ended) {
  watched = co_await watch(core, session, std::move(watched), memberships_ended);
  const wire::EventEncoder encoder;
  ClientSession& watcher = *core.sessions.find(session);
  for (const Watched& one : watched) {
    watcher.socket->send(encoder.encode_presence(one.user, one.online, one.last_seen_at).plain);
  }
}

namespace {

void answer(EventCall& call, const std::vector<Watched>& watched) {
  std::string out;
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true).key("presence").begin_array();
  for (const Watched& one : watched) {
    writer.begin_object().key("userId").id(one.user);
    writer.key("active").boolean(one.online).key("lastSeenAt");
    if (one.last_seen_at) {
      writer.time(*one.last_seen_at);
    } else {
      writer.null();
    }
    writer.end_object();
  }
  writer.end_array().end_object().end_array();
  call.acknowledge(out);
}

Handling watch_presence(EventCall& call, std::vector<UserId> users) {
  const UserId asker = call.session().user;
  const std::uint64_t key =
      asker.is_zero() ? call.session().socket->session_tag() : RateLimiter::key_of(asker);
  const Toll share = call.read_share(Caller());
  const Tolls tolls({Rate::kHistoryOfUser, key}, share);
  const Result<void> admitted = co_await admit(call, asker, tolls);
  if (!admitted) co_return admitted;
  const GatewayOptions& options = call.context().options;
  const std::uint64_t memberships_ended = call.core().rooms.memberships_ended();
  Result<std::vector<Watched>> watched = co_await read_in_turn(
      call, share, reads_waiting_max(options, Rate::kReadsOfUser),
      [&](chat::Snapshot& snapshot) { return read_watched(snapshot, options.auth, asker, users); });
  if (!watched) co_return std::unexpected(std::move(watched.error()));
  if (!call.wants_answer()) {
    co_await watch_and_tell(call.core(), call.key(), std::move(*watched), memberships_ended);
    call.acknowledge({});
    co_return Result<void>();
  }
  const std::vector<Watched> now =
      co_await watch(call.core(), call.key(), std::move(*watched), memberships_ended);
  answer(call, now);
  co_return Result<void>();
}

}  // namespace

Handling handle_watch_presence(EventCall& call, json::Value payload) {
  auto users = parse_watch_presence(payload);
  if (!users) return refused(std::move(users.error()));
  return watch_presence(call, std::move(*users));
}

}  // namespace maru::gateway
