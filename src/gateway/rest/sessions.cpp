// GET /users/me/sessions; DELETE /users/me/sessions/:id.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {

namespace {

Answering sessions_of_caller(Call& call) {
  const std::int64_t idle_ms = call.context().options.session_idle_ms;
  const WallTime now = call.context().lifetimes.wall();
  co_return co_await read(
      call, Asks(Access::kSelf), [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Answer> {
        const auto sessions = snapshot.list_sessions(caller.user);
        if (!sessions) return std::unexpected(sessions.error());
        std::string json;
        json::Writer out(json);
        out.begin_object().key("sessions").begin_array();
        for (const chat::LoginSession& session : *sessions) {
          if (session.last_used_at.ms + idle_ms <= now.ms) continue;
          wire::write_session(out, session, session.id == caller.session->session);
        }
        out.end_array().end_object();
        return json_answer(std::move(json));
      });
}

Answering revoke(Call& call, SessionId id) {
  const Result<Caller> caller = co_await known(call, Asks(Access::kSelf));
  if (!caller) co_return std::unexpected(caller.error());
  const chat::RevokeSession command{caller->user, id, call.is_open()};
  const chat::Reply reply = co_await submit(call, command);
  if (!reply) co_return std::unexpected(reply.error());
  log::audit("audit_session_revoked", {{"user", caller->user.hex()},
                                       {"session", id.hex()},
                                       {"ip", call.head().peer_address},
                                       {"request_id", call.request_id()}});
  Answer answer = no_content();
  if (caller->session->session == id) {
    answer.fields.emplace_back("Set-Cookie", clear_cookie_field(call.head().secure));
  }
  co_return answer;
}

}  // namespace

Answering list_sessions(Call& call, const json::Value&) {
  return sessions_of_caller(call);
}

Answering revoke_session(Call& call, const json::Value&) {
  const auto id = parse_id<SessionId>(call.parameter(0), "id");
  if (!id) return refused(id.error());
  return revoke(call, *id);
}

}  // namespace maru::gateway::rest
