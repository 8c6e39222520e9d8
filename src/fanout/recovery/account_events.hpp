// Which users were told something of their account lately (chatAdded, chatRemoved): these events
// are kept nowhere, so a socket that missed one is not recovered. Bounded: past kEventsMax the
// oldest are forgotten, and nothing is known of before. Pure; the recovery thread's.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/id.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

class AccountEvents {
 public:
  static constexpr std::size_t kEventsMax = 200'000;
  using Entry = std::pair<UserId, wire::Position>;

  // Nothing up to `last` is known.
  explicit AccountEvents(wire::Position last) : known_after_(last) {}

  void push(wire::Position position, std::span<const UserId> users);
  // Those before `first` will not be asked for any more.
  void forget_before(wire::Position first);
  void reset(wire::Position last);

  // Whether all of them after `position` are here.
  [[nodiscard]] bool covers(wire::Position position) const { return position >= known_after_; }
  [[nodiscard]] wire::Position newest_of(const UserId& user) const;  // 0: none
  [[nodiscard]] wire::Position known_after() const { return known_after_; }
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }  // ascending

 private:
  void pop_oldest();

  std::deque<Entry> entries_;
  std::unordered_map<UserId, wire::Position> newest_;
  wire::Position known_after_;
};

}  // namespace maru::fanout
