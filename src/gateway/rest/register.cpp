// POST /users/register {userName, password}: a new account.
#include "gateway/known_networks.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/password_try.hpp"
#include "gateway/rest/session_opening.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

struct Registration {
  std::string name;
  std::string folded;
};

void store(const CallPtr& call, Registration registration, std::string hash) {
  OpeningSession opening = make_session(*call);
  chat::RegisterUser command{std::move(registration.name), std::move(registration.folded),
                             std::move(hash), std::move(opening.session)};
  submit(call, std::move(command),
         [call, token = std::move(opening.token)](chat::ReplyBody&& reply) mutable {
           const auto& opened = std::get<chat::LoggedIn>(reply);
           call->context().known_networks.remember(opened.user.id, call->head().peer_address);
           answer_logged_in(call, opened, std::move(token), Opened::kByRegistration);
         });
}

}  // namespace

void register_user(CallPtr call, const json::Value& body) {
  auto raw_name = required_string(body, "userName");
  if (!raw_name) return call->problem(raw_name.error());
  auto raw_password = required_secret(body, "password");
  if (!raw_password) return call->problem(raw_password.error());
  if (!call->is_let_through(call->take_of_network(Rate::kRegistersOfIp))) return;
  auto name = text::clean_user_name(*raw_name);
  if (!name) return call->problem(name.error());
  auto password = clean_new_password(raw_password->view(), *name, "password");
  if (!password) return call->problem(password.error());
  Registration registration{*name, text::fold_name(*name)};
  // A taken name is told before a hash is spent on it; the sequencer decides again.
  query(call, chat::Lane::kUrgent,
        [call, registration = std::move(registration),
         password = std::move(*password)](chat::Snapshot& snapshot) mutable {
          const auto holder = snapshot.find_user_by_name(registration.folded);
          if (!holder) return call->problem(holder.error());
          if (*holder) {
            return call->problem(
                Error{ErrorCode::kNameTaken, "The name is taken.", {{"userName", "taken"}}, 0});
          }
          hash_password(call, {}, std::move(password),
                        [call, registration = std::move(registration)](std::string hash) mutable {
                          store(call, std::move(registration), std::move(hash));
                        });
        });
}

}  // namespace maru::gateway::rest
