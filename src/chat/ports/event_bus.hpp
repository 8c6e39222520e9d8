// Events: to every node (sequencer → bus), and received on a node (bus → fanout). The answers of a
// batch go the same way, on its own node alone, so that an I/O thread is handed both as one thing.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/command.hpp"
#include "chat/event.hpp"

namespace maru::chat {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // In stream order of each chat, every event durable. `answers` are of the same batch, each with a
  // handler that names an I/O thread, and are handed over behind its events; of another node's
  // batch there are none. May block for an I/O thread's mailbox, never for a client.
  virtual void on_batch(std::span<const Event> events, std::vector<Answer>&& answers) = 0;
};

class EventBus {
 public:
  virtual ~EventBus() = default;
  // A lane's thread, after the append returned OK. Batches keep their order, and in each the events
  // come first: see EventSink. Without events where a batch was refused.
  virtual void publish(std::vector<Event>&& events, std::vector<Answer>&& answers) = 0;

  // A chat is followed while follow() was called more often for it than unfollow(): each I/O thread
  // calls once when its first listener comes, and once when its last one has gone. Calls of
  // different threads may come in any order; their sum is what counts. What nobody follows need not
  // reach the sink. Any thread; never block, never fail.
  virtual void follow(ChatId chat) = 0;
  virtual void unfollow(ChatId chat) = 0;

  // Answers, exactly once, when every event after floors[i] of chats[i] will reach the sink. They
  // must be followed already and until then. A snapshot whose head is below its floor is stale: it
  // was read where newer records are not known yet. Any thread, never blocks; the answer comes on
  // any thread, perhaps before the call returns, and must not block. kUnavailable: the bus does not
  // get through, or is stopping.
  using Floors = std::vector<Sequence>;  // in the order of the chats; 0: any snapshot will do
  using Live = std::move_only_function<void(Result<Floors> floors)>;
  virtual void when_live(std::vector<ChatId> chats, Live answer) = 0;
};

}  // namespace maru::chat
