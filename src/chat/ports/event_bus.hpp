// Events: to every node (sequencer → bus), and received on a node (bus → fanout).
#pragma once

#include <span>
#include <vector>

#include "chat/event.hpp"

namespace maru::chat {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // In stream order of each chat, every event durable. May block for an I/O thread's mailbox, never
  // for a client.
  virtual void on_events(std::span<const Event> events) = 0;
};

class EventBus {
 public:
  virtual ~EventBus() = default;
  // Sequencer's thread, after the append returned OK.
  virtual void publish(std::vector<Event>&& events) = 0;
};

}  // namespace maru::chat
