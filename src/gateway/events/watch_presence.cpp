// watchPresence {userIds:[≤200]} → {presence:[{userId,active,lastSeenAt}]}, then `presence` events.
#include <algorithm>
#include <string>
#include <utility>

#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/presence_watch.hpp"
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
    if (*user && !(*user)->deleted_at) watched.push_back({id, (*user)->last_seen_at});
  }
  return watched;
}

namespace {

void answer(RealtimeCore& core, ClientSession& session, const EventCaller& caller,
            const std::vector<Watched>& watched, const std::vector<fanout::PresenceInfo>& online) {
  const auto is_online = [&](UserId user) {
    const auto info = std::ranges::find(online, user, &fanout::PresenceInfo::user);
    return info != online.end() && info->online;
  };
  if (!caller.ack) {
    for (const Watched& one : watched) {
      const wire::EventEncoder encoder;
      session.socket->send(
          encoder.encode_presence(one.user, is_online(one.user), one.last_seen_at).plain);
    }
    return;
  }
  std::string out;
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true).key("presence").begin_array();
  for (const Watched& one : watched) {
    writer.begin_object().key("userId").id(one.user);
    writer.key("active").boolean(is_online(one.user)).key("lastSeenAt");
    if (one.last_seen_at) {
      writer.time(*one.last_seen_at);
    } else {
      writer.null();
    }
    writer.end_object();
  }
  writer.end_array().end_object().end_array();
  core.acknowledge(session, caller, out);
}

}  // namespace

void watch(RealtimeCore& core, ClientSession& session, const EventCaller& caller,
           std::vector<Watched> watched, std::uint64_t memberships_ended) {
  std::vector<UserId> users;
  users.reserve(watched.size());
  for (const Watched& one : watched) users.push_back(one.user);
  // Watch before asking: a change in between comes as an event.
  core.rooms.watch(session, users);
  auto then = [&core, caller, watched = std::move(watched)](
                  ClientSession& asker, const std::vector<fanout::PresenceInfo>& online) {
    answer(core, asker, caller, watched, online);
  };
  core.context.presence.ask_online(
      std::move(users),
      core.answer_here<std::vector<fanout::PresenceInfo>>(session, std::move(then)));
  if (core.rooms.memberships_ended() != memberships_ended) recheck_presence(core, session.user);
}

void handle_watch_presence(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  auto users = parse_watch_presence(call.payload);
  if (!users) return core.refuse(session, call.caller, users.error());
  const std::uint64_t key =
      session.user.is_zero() ? session.socket->session_tag() : RateLimiter::key_of(session.user);
  if (!core.admit(session, call,
                  {{Rate::kHistoryOfUser, key}, RealtimeCore::read_share(session)})) {
    return;
  }
  core.query_in_turn<std::vector<Watched>>(
      session, Input::kFlows, reads_waiting_max(core.context.options, Rate::kReadsOfUser),
      [mode = core.context.options.auth, asker = session.user, users = std::move(*users)](
          chat::Snapshot& snapshot) { return read_watched(snapshot, mode, asker, users); },
      [&core, caller = call.caller, ended = core.rooms.memberships_ended()](
          ClientSession& asker, Result<std::vector<Watched>> watched) {
        if (!watched) return core.refuse(asker, caller, watched.error());
        watch(core, asker, caller, std::move(*watched), ended);
      });
}

}  // namespace maru::gateway
