// Notes in the audit trail that a login session has ended, whatever ended it: logout, revocation,
// expiry, another password, too many sessions, the end of its user (quality.md 1, row 30). Stands
// before the sink of the bus and hands all events on. The sequencer's thread.
#pragma once

#include <span>
#include <variant>

#include "base/log.hpp"
#include "chat/ports/event_bus.hpp"

namespace maru::gateway {

class SessionAudit final : public chat::EventSink {
 public:
  // `next` must outlive it.
  explicit SessionAudit(chat::EventSink& next) : next_(next) {}

  void on_events(std::span<const chat::Event> events) override {
    for (const chat::Event& event : events) {
      if (const auto* ended = std::get_if<chat::SessionRevoked>(&event)) {
        log::audit("audit_session_ended",
                   {{"user", ended->user.hex()}, {"session", ended->session.hex()}});
      }
    }
    next_.on_events(events);
  }

 private:
  chat::EventSink& next_;
};

}  // namespace maru::gateway
