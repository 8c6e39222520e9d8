// The leaves that were asked for and wait for their grace (product.md 1), so that whoever decides a
// leave knows whether the same user joined the chat since it was asked: then the join stands. All
// three are commands of the chat, so their order is the sequencer's, whichever thread (or, through
// the command log, node) they came from.
//
// Nothing here is durable or needs to be: an ask that is forgotten is a leave that does not happen.
// It outlives a batch that was refused or is decided again; at worst a leave is taken back by a
// join that failed. Owner: the sequencer's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "base/id.hpp"

namespace maru::chat {

class AskedLeaves {
 public:
  using Ticket = std::uint64_t;

  // The oldest ask is forgotten past `asks_max`: 5 MB at most.
  explicit AskedLeaves(std::size_t asks_max = 65'536) : asks_max_(asks_max) {}

  // Never 0.
  [[nodiscard]] Ticket ask(const ChatId& chat, const UserId& user) {
    if (asks_.size() >= asks_max_) forget_oldest();
    const Key key{chat, user};
    asks_.push_back({key, ++last_ticket_});
    states_[key].asked = last_ticket_;
    return last_ticket_;
  }

  // Takes back whatever that user has asked for so far.
  void joined(const ChatId& chat, const UserId& user) {
    const auto found = states_.find({chat, user});
    if (found != states_.end()) found->second.joined = last_ticket_;
  }

  [[nodiscard]] bool stands(const ChatId& chat, const UserId& user, Ticket ticket) const {
    const auto found = states_.find({chat, user});
    return found != states_.end() && ticket > found->second.joined;
  }

 private:
  struct Key {
    ChatId chat;
    UserId user;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<ChatId>()(key.chat) * 31 + std::hash<UserId>()(key.user);
    }
  };
  struct State {
    Ticket asked = 0;   // the latest
    Ticket joined = 0;  // no ask up to here stands
  };
  struct Ask {
    Key key;
    Ticket ticket;
  };

  void forget_oldest() {
    const auto found = states_.find(asks_.front().key);
    if (found != states_.end() && found->second.asked == asks_.front().ticket) states_.erase(found);
    asks_.pop_front();
  }

  const std::size_t asks_max_;
  std::deque<Ask> asks_;  // oldest first
  std::unordered_map<Key, State, Hash> states_;
  Ticket last_ticket_ = 0;
};

}  // namespace maru::chat
