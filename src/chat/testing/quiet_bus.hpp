// The part of an EventBus that a double seldom cares about: following, as on one node. Tests only.
#pragma once

#include <utility>
#include <vector>

#include "chat/ports/event_bus.hpp"

namespace maru::chat::testing {

class QuietBus : public EventBus {
 public:
  void publish(std::vector<Event>&& /*events*/) override {}
  void follow(ChatId /*chat*/) override {}
  void unfollow(ChatId /*chat*/) override {}
  void when_live(std::vector<ChatId> chats, Live answer) override { answer(Floors(chats.size())); }
};

}  // namespace maru::chat::testing
