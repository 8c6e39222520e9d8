// How a recovered socket goes on, in the one order that leaves no gap and repeats nothing: what it
// missed is sent, deliveries are told where it stands, `hello` carries that position, and what was
// held meanwhile follows. Production (gateway/events) and the model test both go this way.
#pragma once

#include <algorithm>
#include <vector>

#include "fanout/recovery/socket_recovery.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout {

struct ResumedChat {
  ChatId chat;
  Sequence upto;   // delivered so far: seen before the cut, or sent as missed
  Sequence floor;  // from its earlier life
};

struct ResumePlan {
  std::vector<ResumedChat> chats;  // those that it still hears, in the order of the socket's
  // What the client has once all that was missed has come: not newer, what is held was not sent.
  wire::Position position = 0;

  [[nodiscard]] bool keeps(const ChatId& chat) const {
    return std::ranges::find(chats, chat, &ResumedChat::chat) != chats.end();
  }
};

// `offset` is the client's; `is_kept(ChatId)` says whether the chat is still heard.
template <class IsKept>
ResumePlan plan_resume(const Recovery& recovery, wire::Position offset, IsKept&& is_kept) {
  ResumePlan plan{.position = offset};
  for (std::size_t i = 0; i < recovery.socket.chats.size(); ++i) {
    const ChatId chat = recovery.socket.chats[i];
    if (!is_kept(chat)) continue;
    plan.chats.push_back({chat, recovery.heads[i], recovery.socket.floors[i]});
    for (const MissedChat& missed : recovery.missed) {
      if (missed.chat != chat || missed.records.empty()) continue;
      plan.position = std::max(plan.position, missed.records.back().second);
    }
  }
  return plan;
}

// After what was missed was sent. `say_hello(Position)`, then `settle(ResumedChat)` for each chat,
// which calls RoomIndex::release with its `upto` and `floor`.
template <class SayHello, class Settle>
void resume(RoomIndex& index, Listener& listener, const ResumePlan& plan, SayHello&& say_hello,
            Settle&& settle) {
  index.resume(listener, plan.position);
  say_hello(plan.position);
  for (const ResumedChat& chat : plan.chats) settle(chat);
}

}  // namespace maru::fanout
