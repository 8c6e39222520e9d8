// POST /users/register {userName, password}: a new account.
#include "gateway/limits/known_networks.hpp"
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
  Secret password;
};

Result<Registration> clean(std::string_view raw_name, std::string_view raw_password) {
  auto name = text::clean_user_name(raw_name);
  if (!name) return std::unexpected(std::move(name.error()));
  auto password = clean_new_password(raw_password, *name, "password");
  if (!password) return std::unexpected(std::move(password.error()));
  return Registration{std::move(*name), std::move(*password)};
}

Answering enter(Call& call, Registration registration) {
  std::string folded = text::fold_name(registration.name);
  // A taken name is told before a hash is spent on it; the sequencer decides again.
  const Result<bool> is_taken =
      co_await query(call, chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) -> Result<bool> {
        const auto holder = snapshot.find_user_by_name(folded);
        if (!holder) return std::unexpected(holder.error());
        return holder->has_value();
      });
  if (!is_taken) co_return std::unexpected(is_taken.error());
  if (*is_taken) {
    co_return std::unexpected(
        Error{ErrorCode::kNameTaken, "The name is taken.", {{"userName", "taken"}}, 0});
  }
  Result<std::string> hash =
      co_await hash_password(call, UserId(), std::move(registration.password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  OpeningSession opening = make_session(call);
  chat::RegisterUser command{std::move(registration.name), std::move(folded), std::move(*hash),
                             std::move(opening.session)};
  chat::Reply reply = co_await submit(call, std::move(command));
  if (!reply) co_return std::unexpected(std::move(reply.error()));
  auto& opened = std::get<chat::LoggedIn>(*reply);
  call.context().known_networks.remember(opened.user.id, call.head().peer_address);
  co_return co_await answer_logged_in(call, std::move(opened), std::move(opening.token),
                                      Opened::kByRegistration);
}

}  // namespace

Answering register_user(Call& call, const json::Value& body) {
  const auto raw_name = required_string(body, "userName");
  if (!raw_name) return refused(raw_name.error());
  const auto raw_password = required_secret(body, "password");
  if (!raw_password) return refused(raw_password.error());
  if (auto taken = call.take_of_network(Rate::kRegistersOfIp); !taken) {
    return refused(std::move(taken.error()));
  }
  auto registration = clean(*raw_name, raw_password->view());
  if (!registration) return refused(std::move(registration.error()));
  return enter(call, std::move(*registration));
}

}  // namespace maru::gateway::rest
