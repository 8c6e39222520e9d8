// What login and register share: the new session and the answer that carries its token.
#pragma once

#include <cstdint>
#include <string>

#include "chat/command.hpp"
#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

struct OpeningSession {
  chat::NewSession session;
  std::string token;
};
OpeningSession make_session(const Call& call);

enum class Opened : std::uint8_t { kByLogin, kByRegistration };

// Audits it, and answers with the user, the token and the cookie.
Answering answer_logged_in(Call& call, chat::LoggedIn logged_in, std::string token, Opened how);

}  // namespace maru::gateway::rest
