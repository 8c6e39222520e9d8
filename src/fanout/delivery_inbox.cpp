#include "fanout/delivery_inbox.hpp"

#include <utility>

#include "base/memory.hpp"

namespace maru::fanout {

DeliveryInbox::DeliveryInbox(unsigned thread, InterestTable& interest, std::function<void()> wake)
    : thread_(thread),
      interest_(interest),
      mailbox_(kDeliveryMailboxMax, std::move(wake)),
      rooms_(thread, interest) {}

void DeliveryInbox::drain() {
  mailbox_.drain(deliveries_);
  undelivered_ = deliveries_.size();
  for (Delivery& delivery : deliveries_) {
    if (delivery.events != nullptr) rooms_.deliver(*delivery.events);
    --undelivered_;
    for (chat::Answer& answer : delivery.answers) {
      // Whoever has no memory to take theirs must not keep the others from it.
      [[maybe_unused]] const bool taken =
          memory::survive([&] { answer.handler(std::move(answer.reply)); });
      answer.handler = nullptr;  // what it owns goes now
    }
  }
  deliveries_.clear();
}

void DeliveryInbox::catch_up() {
  // Asked in this order: what is posted after it may be in the mailbox or not.
  const wire::Position posted = interest_.posted();
  if (undelivered_ == 0 && mailbox_.size() == 0) rooms_.pass(posted);
}

void DeliveryInbox::post(Job task) {
  Delivery delivery;
  delivery.answers.push_back(
      {chat::ReplyHandler(thread_,
                          [task = std::move(task)](const chat::Reply&) mutable { task(); }),
       chat::Done{}});
  (void)mailbox_.post_wait(std::move(delivery));
}

void DeliveryInbox::close() {
  mailbox_.close();
  mailbox_.drain(deliveries_);
  deliveries_.clear();
}

}  // namespace maru::fanout
