// Who is online on the other nodes: told to them, heard from them. Soft: what is lost comes again,
// and nothing that must be right may rest on it.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/id.hpp"

namespace maru::chat {

class PresenceRegistry {
 public:
  virtual ~PresenceRegistry() = default;

  // A user, and whether that node has them online.
  using Change = std::pair<UserId, bool>;

  // These users came online on this node, or went offline here. Any thread, never blocks.
  virtual void announce(std::span<const Change> changes) = 0;
  // The user said that they are gone, from every node (open mode's logout). Any thread, never
  // blocks.
  virtual void logged_out(UserId user) = 0;

  // What another node says of its users, in its order. `is_all`: there are no others online there;
  // with no changes the node has gone. Called on the registry's thread; must not block.
  using Heard = std::function<void(NodeId node, std::vector<Change> changes, bool is_all)>;
  // Once, before the first announce(); and nothing is heard any more when stop() has returned.
  virtual void start(Heard heard) = 0;
  virtual void stop() = 0;
};

}  // namespace maru::chat
