#include "fanout/room.hpp"

#include <algorithm>

namespace maru::fanout {

const Hold::Waiting* Hold::find(const Listener& listener) const {
  const auto at = std::ranges::find(waiting_, &listener, &Waiting::listener);
  return at == waiting_.end() ? nullptr : &*at;
}

Listener* Hold::find_overflowed(std::size_t max) const {
  const auto at =
      std::ranges::find_if(waiting_, [&](const Waiting& w) { return end() - w.from > max; });
  return at == waiting_.end() ? nullptr : at->listener;
}

std::vector<wire::WireEvent> Hold::events_for(const Listener& listener, Sequence upto) const {
  std::vector<wire::WireEvent> out;
  if (const Waiting* waiting = find(listener)) {
    for (std::uint64_t i = waiting->from - first_; i < events_.size(); ++i) {
      if (events_[i].sequence > upto) out.push_back(events_[i]);
    }
  }
  return out;
}

const wire::WireEvent* Hold::first_for(const Listener& listener) const {
  const Waiting* waiting = find(listener);
  return waiting == nullptr || waiting->from == end() ? nullptr : &events_[waiting->from - first_];
}

void Hold::stop(const Listener& listener) {
  std::erase_if(waiting_, [&](const Waiting& w) { return w.listener == &listener; });
  std::uint64_t needed = end();
  for (const Waiting& waiting : waiting_) needed = std::min(needed, waiting.from);
  for (; first_ < needed; ++first_) events_.pop_front();
}

std::size_t Room::find_seat(const Listener& listener) const {
  for (std::size_t i = 0; i < seats.size(); ++i) {
    if (seats[i].listener() == &listener) return i;
  }
  return kNone;
}

void Room::drop_empty_seats() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    if (!seats[i].is_empty()) seats[kept++] = seats[i];
  }
  seats.truncate(kept);
  has_empty_seats = false;
}

}  // namespace maru::fanout
