// The part of an EventBus that a double seldom cares about: following, as on one node. Tests only.
#pragma once

#include <utility>
#include <vector>

#include "chat/ports/event_bus.hpp"

namespace maru::chat::testing {

class QuietBus : public EventBus {
 public:
  // Answers are called at once.
  void publish(std::vector<Event>&& events, std::vector<Answer>&& answers) override {
    on_published(std::move(events));
    for (Answer& answer : answers) answer.handler(std::move(answer.reply));
  }
  void follow(ChatId /*chat*/) override {}
  void unfollow(ChatId /*chat*/) override {}
  void when_live(std::vector<ChatId> chats, Live answer) override { answer(Floors(chats.size())); }

 protected:
  virtual void on_published(std::vector<Event>&& /*events*/) {}
};

}  // namespace maru::chat::testing
