#include "gateway/identity/session_expiry.hpp"

#include "base/log.hpp"

namespace maru::gateway {
namespace {

void expire_once(chat::CommandLog& commands, WallTime idle_since, bool keep_guests) {
  chat::Command command{chat::ExpireSessions{idle_since, keep_guests},
                        [&commands, idle_since, keep_guests](chat::Reply reply) {
                          if (!reply) {
                            log::warn("session_expiry_failed",
                                      {{"code", to_string(reply.error().code)}});
                            return;
                          }
                          if (std::get<chat::Done>(*reply).more)
                            expire_once(commands, idle_since, keep_guests);
                        }};
  if (!commands.submit(std::move(command))) log::warn("session_expiry_put_off");
}

}  // namespace

void SessionExpiry::run() {
  expire_once(commands_, WallTime{lifetimes_.wall().ms - options_.session_idle_ms},
              options_.auth == AuthMode::kOpen);
}

}  // namespace maru::gateway
