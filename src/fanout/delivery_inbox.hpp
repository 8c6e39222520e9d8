// Where the hub's batches wait for an I/O thread, and whom that thread hands them to. One a thread,
// beside its net::IoThread; owner thread only, but for target() and what says otherwise.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "base/mailbox.hpp"
#include "fanout/hub.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout {

class DeliveryInbox {
 public:
  // `wake` makes the thread call drain(); any thread calls it. At most kDeliveryMailboxMax batches
  // wait; then the hub waits too.
  DeliveryInbox(unsigned thread, InterestTable& interest, std::function<void()> wake)
      : interest_(interest),
        mailbox_(kDeliveryMailboxMax, std::move(wake)),
        rooms_(thread, interest) {}
  DeliveryInbox(const DeliveryInbox&) = delete;
  DeliveryInbox& operator=(const DeliveryInbox&) = delete;

  // For the hub, before the threads start.
  [[nodiscard]] DeliveryTarget target() { return {&mailbox_}; }
  [[nodiscard]] RoomIndex& rooms() { return rooms_; }

  // Hands over all that waits.
  void drain() {
    mailbox_.drain(batches_);
    for (const DeliveryBatch& batch : batches_) rooms_.deliver(*batch);
    batches_.clear();
  }
  // A thread that nobody speaks to is posted nothing, and does not learn how far the node is. If
  // nothing waits, everything posted so far that concerns it was handed over.
  void catch_up() {
    const wire::Position posted = interest_.posted();
    if (mailbox_.size() == 0) rooms_.pass(posted);
  }

  // Any thread. Nothing comes any more; the hub does not wait for this thread.
  void close() { mailbox_.close(); }
  // Any thread: batches that wait.
  [[nodiscard]] std::size_t waiting() const { return mailbox_.size(); }

 private:
  InterestTable& interest_;
  Mailbox<DeliveryBatch> mailbox_;
  RoomIndex rooms_;
  std::vector<DeliveryBatch> batches_;
};

}  // namespace maru::fanout
