// Encodes each event once and posts one delivery to each I/O thread that may have listeners or has
// answers to give: one lock and one wake-up a thread and batch.
//
// on_batch() runs on the bus's thread (the sequencer's in the embedded mode) and may wait for an
// I/O thread's mailbox, never for a client. publish() may be called on any thread and never waits.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/mailbox.hpp"
#include "chat/ports/event_bus.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/room_index.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

class SocketRecovery;

using DeliveryBatch = std::shared_ptr<const std::vector<wire::WireEvent>>;
inline constexpr std::size_t kDeliveryMailboxMax = 1024;  // deliveries

// What a batch is to one I/O thread. Its events come first, then its answers in the order of their
// commands; deliveries keep the order of the commits.
struct Delivery {
  DeliveryBatch events;  // shared with the other threads; null: none
  std::vector<chat::Answer> answers;
};

// An I/O thread as the hub sees it. The thread drains `mailbox` in its wake hook.
struct DeliveryTarget {
  Mailbox<Delivery>* mailbox = nullptr;
};

class Hub final : public chat::EventSink {
 public:
  // `recovery` keeps the recovery ring; told of a batch before the I/O threads are, if anyone may
  // be recovered. May be null: then `clock` says where positions begin.
  Hub(std::vector<DeliveryTarget> targets, InterestTable& interest, SocketRecovery* recovery,
      const Clock& clock);

  void on_batch(std::span<const chat::Event> events, std::vector<chat::Answer>&& answers) override;

  // Ephemeral events (presence, serverDraining): to every I/O thread. Never blocks, because those
  // who call it are waited for by I/O threads. False: a thread's mailbox was full and it got
  // nothing.
  bool publish(std::vector<wire::WireEvent>&& events);

 private:
  void tell_recovery(std::span<const wire::WireEvent> events);
  [[nodiscard]] DeliveryBatch encode(std::span<const chat::Event> events);
  void sort(std::vector<chat::Answer>&& answers);
  void post(const DeliveryBatch& batch);
  [[nodiscard]] bool concerns(unsigned thread, std::span<const wire::WireEvent> events) const;

  std::vector<DeliveryTarget> targets_;
  std::vector<std::vector<chat::Answer>> answers_;  // of the batch, by thread
  InterestTable& interest_;
  SocketRecovery* recovery_;
  const Clock& clock_;
  wire::EventEncoder encoder_;
  wire::Position next_position_;  // 0 until the first event
};

}  // namespace maru::fanout
