// The event bus of one node: hands events straight to its sink, on the sequencer's thread, before
// publish() returns.
#pragma once

#include <vector>

#include "chat/ports/event_bus.hpp"

namespace maru::local {

class LocalBus final : public chat::EventBus {
 public:
  // `sink` must outlive it.
  explicit LocalBus(chat::EventSink& sink) : sink_(sink) {}

  void publish(std::vector<chat::Event>&& events) override;

 private:
  chat::EventSink& sink_;
};

}  // namespace maru::local
