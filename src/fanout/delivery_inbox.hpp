// The one way of what lanes say into an I/O thread: where the hub's deliveries wait for it, and
// whom it hands them to. One a thread, beside its net::IoThread; owner thread only, but for
// target() and what says otherwise.
//
// Order: deliveries in the order of the commits, and in each one first the events, to whom they
// concern, then the answers, in the order of their commands. So whoever is told an outcome has been
// handed what it brought about. What the thread is posted otherwise (net::IoThread::post) keeps its
// own order: a task may run before a delivery that was there first.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "base/job.hpp"
#include "base/mailbox.hpp"
#include "fanout/hub.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout {

class DeliveryInbox {
 public:
  // `wake` makes the thread call drain(); any thread calls it. At most kDeliveryMailboxMax
  // deliveries wait; then the hub waits too.
  DeliveryInbox(unsigned thread, InterestTable& interest, std::function<void()> wake);
  DeliveryInbox(const DeliveryInbox&) = delete;
  DeliveryInbox& operator=(const DeliveryInbox&) = delete;

  // For the hub, before the threads start.
  [[nodiscard]] DeliveryTarget target() { return {&mailbox_}; }
  [[nodiscard]] RoomIndex& rooms() { return rooms_; }

  // Hands over all that waits.
  void drain();
  // A thread that nobody speaks to is posted nothing, and does not learn how far the node is. If
  // nothing waits, everything posted so far that concerns it was handed over.
  void catch_up();

  // Any thread. Runs on the I/O thread behind all that waits here; dropped if it has ended.
  void post(Job task);

  // When the thread has ended; any thread. What waits is dropped, its answers uncalled, and so is
  // what comes later; the hub does not wait for this thread.
  void close();
  // Any thread: deliveries that wait.
  [[nodiscard]] std::size_t waiting() const { return mailbox_.size(); }

 private:
  const unsigned thread_;
  InterestTable& interest_;
  Mailbox<Delivery> mailbox_;
  RoomIndex rooms_;
  std::vector<Delivery> deliveries_;  // being handed over
  std::size_t undelivered_ = 0;       // of them, those whose events were not all handed over
};

}  // namespace maru::fanout
