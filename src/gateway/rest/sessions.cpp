// GET /users/me/sessions; DELETE /users/me/sessions/:id.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {

void list_sessions(CallPtr call, const json::Value&) {
  const std::int64_t idle_ms = call->context().options.session_idle_ms;
  const WallTime now = call->context().lifetimes.wall();
  read(call, Access::kSelf, {},
       [idle_ms, now](chat::Snapshot& snapshot, const Caller& caller) -> Result<Answer> {
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

void revoke_session(CallPtr call, const json::Value&) {
  const auto id = parse_id<SessionId>(call->parameter(0), "id");
  if (!id) return call->problem(id.error());
  decide(call, Access::kSelf, {}, [call, id = *id](chat::Snapshot&, Caller&& caller) {
    const UserId user = caller.user;
    const bool is_current = caller.session->session == id;
    submit(call, chat::RevokeSession{user, id, call->is_open()},
           [call, user, id, is_current](chat::ReplyBody&&) {
             log::audit("audit_session_revoked", {{"user", user.hex()},
                                                  {"session", id.hex()},
                                                  {"ip", call->head().peer_address},
                                                  {"request_id", call->request_id()}});
             Answer answer = no_content();
             if (is_current) {
               answer.fields.emplace_back("Set-Cookie", clear_cookie_field(call->head().secure));
             }
             call->answer(std::move(answer));
           });
  });
}

}  // namespace maru::gateway::rest
