// The presence registry of one node: there are no others to tell or to hear.
#pragma once

#include "chat/ports/presence_registry.hpp"

namespace maru::local {

class LocalPresence final : public chat::PresenceRegistry {
 public:
  void announce(std::span<const Change> /*changes*/) override {}
  void logged_out(UserId /*user*/) override {}
  void start(Heard /*heard*/) override {}
  void stop() override {}
};

}  // namespace maru::local
