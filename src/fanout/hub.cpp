#include "fanout/hub.hpp"

#include <algorithm>
#include <utility>

#include "fanout/position.hpp"
#include "fanout/recovery/socket_recovery.hpp"

namespace maru::fanout {

Hub::Hub(std::vector<DeliveryTarget> targets, InterestTable& interest, SocketRecovery* recovery,
         const Clock& clock)
    : targets_(std::move(targets)),
      answers_(targets_.size()),
      interest_(interest),
      recovery_(recovery),
      clock_(clock),
      next_position_(0) {}

void Hub::on_batch(std::span<const chat::Event> events, std::vector<chat::Answer>&& answers) {
  sort(std::move(answers));
  const DeliveryBatch batch = events.empty() ? nullptr : encode(events);
  if (batch != nullptr) tell_recovery(*batch);
  post(batch);
  if (batch != nullptr) interest_.set_posted(next_position_ - 1);
}

DeliveryBatch Hub::encode(std::span<const chat::Event> events) {
  // Not in the constructor: a recovery table may be loaded after it.
  if (next_position_ == 0) {
    next_position_ = 1 + (recovery_ ? recovery_->position() : first_position(clock_.wall()));
  }
  const wire::Offsets offsets =
      interest_.any_recovery_user() ? wire::Offsets::kEncode : wire::Offsets::kNone;
  auto batch = std::make_shared<std::vector<wire::WireEvent>>();
  batch->reserve(events.size());
  for (const chat::Event& event : events) {
    const bool is_revocation = std::holds_alternative<chat::SessionRevoked>(event);
    batch->push_back(encoder_.encode(event, is_revocation ? 0 : next_position_++, offsets));
  }
  return batch;
}

void Hub::sort(std::vector<chat::Answer>&& answers) {
  if (answers.empty()) return;
  const std::uint32_t first = answers.front().handler.thread();
  const bool all_of_one = std::ranges::all_of(
      answers, [&](const chat::Answer& one) { return one.handler.thread() == first; });
  if (all_of_one) {
    answers_.at(first) = std::move(answers);
    return;
  }
  for (chat::Answer& one : answers) {
    answers_.at(one.handler.thread()).push_back(std::move(one));
  }
}

// Before the I/O threads are told: whoever asks for a recovery after this gets the event either
// from the ring or, having attached before it asked, from its I/O thread.
void Hub::tell_recovery(std::span<const wire::WireEvent> events) {
  if (recovery_ == nullptr) return;
  // The position first, then the look at who uses recovery: a socket counts itself first and reads
  // the position then. So either it is seen here, or its offset is not before these events. One
  // that leaves is counted as kept before it is no user any more, hence the order of the two.
  recovery_->pass(next_position_ - 1);
  if (interest_.any_recovery_user() || recovery_->keeps_sockets()) {
    recovery_->delivered(events);
  }
}

void Hub::post(const DeliveryBatch& batch) {
  for (unsigned thread = 0; thread < targets_.size(); ++thread) {
    Delivery delivery{nullptr, std::exchange(answers_[thread], {})};
    if (batch != nullptr && concerns(thread, *batch)) delivery.events = batch;
    if (delivery.events == nullptr && delivery.answers.empty()) continue;
    // Closed: that thread has ended, has no listeners any more, and nobody who asked.
    (void)targets_[thread].mailbox->post_wait(std::move(delivery));
  }
}

// Events for users and sessions go everywhere: they are few, and users have no interest counters.
bool Hub::concerns(unsigned thread, std::span<const wire::WireEvent> events) const {
  for (const wire::WireEvent& event : events) {
    if (event.route != wire::WireEvent::Route::kChat || interest_.may_have(thread, event.chat)) {
      return true;
    }
  }
  return false;
}

bool Hub::publish(std::vector<wire::WireEvent>&& events) {
  if (events.empty()) return true;
  const auto batch = std::make_shared<const std::vector<wire::WireEvent>>(std::move(events));
  bool all = true;
  for (const DeliveryTarget& target : targets_) {
    if (target.mailbox->try_post(Delivery{batch, {}}) == PostResult::kFull) all = false;
  }
  if (!all && recovery_ != nullptr) ++recovery_->counters().publishes_full;
  return all;
}

}  // namespace maru::fanout
