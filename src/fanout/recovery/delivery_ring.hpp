// What this node delivered, newest last: (position, chat, sequence), bounded. Entries of one chat
// are linked backwards, so that reading what a chat has had costs as much as is found. Pure; the
// recovery thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/id.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

class DeliveryRing {
 public:
  struct Entry {
    ChatId chat;
    std::uint32_t back = 0;  // how many positions before this one the chat's previous entry is; 0:
                             // none, or too far to say (then it is long gone from the ring)
    Sequence sequence;
  };

  // `entries_max` ≥ 1; memory is taken as needed, 24 bytes an entry.
  explicit DeliveryRing(std::size_t entries_max);

  // Positions go up by one. Anything else starts the ring anew: what was before is unknown.
  void push(wire::Position position, const ChatId& chat, Sequence sequence);

  // Everything delivered after `position` is still here. (Also true for last() itself.)
  [[nodiscard]] bool covers(wire::Position position) const {
    return position + 1 >= first_ && position <= last();
  }
  [[nodiscard]] wire::Position first() const { return first_; }
  [[nodiscard]] wire::Position last() const { return first_ + size_ - 1; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] const Entry& at(wire::Position position) const;

  // Calls visit(position, sequence) for the chat's entries after `after`, newest first, until it
  // returns false.
  template <class Visit>
  void visit_back(const ChatId& chat, wire::Position after, Visit&& visit) const {
    const auto found = newest_.find(chat);
    if (found == newest_.end()) return;
    wire::Position position = found->second;
    while (position > after && position >= first_) {
      const Entry& entry = at(position);
      if (!visit(position, entry.sequence)) return;
      if (entry.back == 0 || entry.back > position) return;
      position -= entry.back;
    }
  }

  // The newest sequence of the chat in the ring; 0: none.
  [[nodiscard]] Sequence newest_of(const ChatId& chat) const {
    const auto found = newest_.find(chat);
    return found == newest_.end() ? Sequence{} : at(found->second).sequence;
  }

  // Empty, and the next entry is to have the position after `last`.
  void reset(wire::Position last);

 private:
  void drop_oldest();
  void grow();

  std::size_t entries_max_;
  std::vector<Entry> entries_;  // a ring: first_ is at head_
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  wire::Position first_ = 1;
  std::unordered_map<ChatId, wire::Position> newest_;  // of the chats in the ring
};

}  // namespace maru::fanout
