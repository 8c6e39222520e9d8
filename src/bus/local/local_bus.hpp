// The event bus of one node: hands batches straight to its sink, on the lane's thread, before
// publish() returns. There is nothing to follow: whatever is published reaches the sink.
#pragma once

#include <vector>

#include "chat/ports/event_bus.hpp"

namespace maru::local {

class LocalBus final : public chat::EventBus {
 public:
  // Before the first publish(); `sink` must live until after the last one. Apart from the
  // constructor, because what the sink delivers through may have to tell the bus whom it follows.
  void start(chat::EventSink& sink) { sink_ = &sink; }

  void publish(std::vector<chat::Event>&& events, std::vector<chat::Answer>&& answers) override;
  void follow(ChatId /*chat*/) override {}
  void unfollow(ChatId /*chat*/) override {}
  // At once, on the caller's thread.
  void when_live(std::vector<ChatId> chats, Live answer) override;

 private:
  chat::EventSink* sink_ = nullptr;
};

}  // namespace maru::local
