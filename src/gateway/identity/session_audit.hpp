// Notes in the audit trail that a login session has ended, whatever ended it: logout, revocation,
// expiry, another password, too many sessions, the end of its user (quality.md 1, row 30). Stands
// before the bus, on the publishing side: what other nodes publish is noted there, so that one
// ended session is one line, however many nodes hear of it. The publisher's thread.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "chat/ports/event_bus.hpp"

namespace maru::gateway {

class SessionAudit final : public chat::EventBus {
 public:
  // `bus` must outlive it.
  explicit SessionAudit(chat::EventBus& bus) : bus_(bus) {}

  void publish(std::vector<chat::Event>&& events, std::vector<chat::Answer>&& answers) override {
    for (const chat::Event& event : events) {
      if (const auto* ended = std::get_if<chat::SessionRevoked>(&event)) {
        log::audit("audit_session_ended",
                   {{"user", ended->user.hex()}, {"session", ended->session.hex()}});
      }
    }
    bus_.publish(std::move(events), std::move(answers));
  }
  void follow(ChatId chat) override { bus_.follow(chat); }
  void unfollow(ChatId chat) override { bus_.unfollow(chat); }
  void when_live(std::vector<ChatId> chats, Live answer) override {
    bus_.when_live(std::move(chats), std::move(answer));
  }

 private:
  chat::EventBus& bus_;
};

}  // namespace maru::gateway
