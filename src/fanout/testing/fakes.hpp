// Listeners and events for the tests of this folder.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/event.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout::testing {

template <class Id>
Id make_id(std::uint64_t number) {
  typename Id::Bytes bytes{};
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return Id(bytes);
}
inline ChatId chat_id(std::uint64_t n) {
  return make_id<ChatId>(n);
}
inline UserId user_id(std::uint64_t n) {
  return make_id<UserId>(n);
}
inline SessionId session_id(std::uint64_t n) {
  return make_id<SessionId>(n);
}

// A text of ann's in that chat, as the lane publishes it.
inline chat::Event record_event(ChatId chat, std::uint64_t sequence) {
  auto record = std::make_shared<chat::Record>();
  record->chat = chat;
  record->sequence = {sequence};
  record->actor_name = "ann";
  record->body = chat::Text{"hi", {}};
  return chat::RecordCommitted{std::move(record)};
}

// Writes down what it hears.
class FakeListener : public Listener {
 public:
  void deliver(const wire::WireEvent& event) override {
    heard.push_back(event.sequence.value);
    heard_chats.push_back(event.chat);
    if (on_deliver) on_deliver(event);
  }
  void on_session_revoked(const wire::WireEvent&) override {
    ++revocations;
    if (on_revoked) on_revoked();
  }
  void on_detached(ChatId chat) override {
    detached.push_back(chat);
    if (on_detach) on_detach(chat);
  }
  void on_held_overflow(ChatId chat) override { overflowed.push_back(chat); }
  void on_event_lost() override { ++losses; }

  std::vector<std::uint64_t> heard;  // sequences
  std::vector<ChatId> heard_chats;
  std::vector<ChatId> detached;
  std::vector<ChatId> overflowed;
  int revocations = 0;
  int losses = 0;
  std::function<void(const wire::WireEvent&)> on_deliver;
  std::function<void(ChatId)> on_detach;
  std::function<void()> on_revoked;
};

inline wire::WireEvent text_event(ChatId chat, std::uint64_t sequence,
                                  wire::Position position = 0) {
  wire::WireEvent event;
  event.chat = chat;
  event.sequence = {sequence};
  event.position = position;
  return event;
}

inline wire::WireEvent leave_event(ChatId chat, std::uint64_t sequence, UserId user,
                                   wire::Position position = 0) {
  wire::WireEvent event = text_event(chat, sequence, position);
  event.detaches_subject = true;
  event.users.push_back(user);
  return event;
}

inline wire::WireEvent routed_event(wire::WireEvent::Route route, UserId user) {
  wire::WireEvent event;
  event.route = route;
  event.users.push_back(user);
  return event;
}

}  // namespace maru::fanout::testing
