// POST /users/login {userName, password?}: a guest by nickname, or an account by its password.
#include <optional>
#include <utility>

#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/password_try.hpp"
#include "gateway/rest/session_opening.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

constexpr const char* kWrongCredentials = "The name or the password is wrong.";

Answering log_in_guest(Call& call, std::string name) {
  OpeningSession opening = make_session(call);
  chat::OpenGuest command{
      name, text::fold_name(name),
      call.is_open() ? chat::GuestRule::kSameNameSameUser : chat::GuestRule::kNameMustBeFree,
      std::move(opening.session)};
  chat::Reply reply = co_await submit(call, std::move(command));
  if (!reply) {
    log_failed_login(call, name, to_string(reply.error().code));
    co_return std::unexpected(std::move(reply.error()));
  }
  co_return co_await answer_logged_in(call, std::move(std::get<chat::LoggedIn>(*reply)),
                                      std::move(opening.token), Opened::kByLogin);
}

// Who has that name. No id: nobody, but the password is tried all the same.
struct Holder {
  UserId user;
  std::string hash;  // empty: unknown user, or one without a password
};

Result<Holder> find_holder(chat::Snapshot& snapshot, const std::string& folded) {
  auto user = snapshot.find_user_by_name(folded);
  if (!user) return std::unexpected(std::move(user.error()));
  if (!*user || (*user)->deleted_at) return Holder();
  return Holder{(*user)->id, std::move((*user)->password_hash)};
}

Result<Holder> find_again(chat::Snapshot& snapshot, UserId id) {
  auto user = snapshot.find_user(id);
  if (!user) return std::unexpected(std::move(user.error()));
  if (!*user || (*user)->deleted_at) return Holder{id, {}};
  return Holder{id, std::move((*user)->password_hash)};
}

constexpr int kTriesMax = 2;

Answering log_in_account(Call& call, std::string name, Secret password) {
  const std::string folded = text::fold_name(name);
  Result<Holder> holder = co_await query(call, chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
    return find_holder(snapshot, folded);
  });
  for (int tries = 1; holder; ++tries) {
    PasswordTry tried{holder->user,     name,
                      folded,           std::move(password),
                      holder->hash,     tries == 1 ? "invalid_credentials" : "password_changed",
                      kWrongCredentials};
    Result<Verification> verified = co_await try_password(call, std::move(tried));
    if (!verified) co_return std::unexpected(std::move(verified.error()));
    password = std::move(verified->password);
    OpeningSession opening = make_session(call);
    chat::OpenSession command{holder->user, holder->hash, std::move(verified->renewed),
                              std::move(opening.session)};
    chat::Reply reply = co_await submit(call, std::move(command));
    if (reply) {
      co_return co_await answer_logged_in(call, std::move(std::get<chat::LoggedIn>(*reply)),
                                          std::move(opening.token), Opened::kByLogin);
    }
    const bool has_changed = reply.error().code == ErrorCode::kInvalidCredentials;
    if (!has_changed || tries == kTriesMax) co_return std::unexpected(std::move(reply.error()));
    // The stored hash has become another since the password matched it: by a login at the same time
    // that renewed its parameters, or by a change of the password. Once more against what is stored
    // now.
    holder = co_await query(call, chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
      return find_again(snapshot, holder->user);
    });
  }
  co_return std::unexpected(std::move(holder.error()));
}

// Whether the address may try: in open mode a nickname proves nothing and tells nothing, so that
// guests are only kept from flooding the store.
Result<void> take_login(Call& call, bool with_password) {
  Rate rate = Rate::kLoginsOfIp;
  if (!with_password) rate = call.is_open() ? Rate::kOpenGuestsOfIp : Rate::kRegistersOfIp;
  return call.take_of_network(rate);
}

Answering log_in(Call& call, std::string name, std::optional<Secret> password) {
  if (!password) return log_in_guest(call, std::move(name));
  return log_in_account(call, std::move(name), clean_password(password->view()));
}

// A name that is refused today may have been given under older rules: whoever has it keeps it, and
// nobody new gets it. Without a password that goes for open mode alone, where the name is the
// identity; elsewhere a guest's name is a session's.
Answering log_in_by_older_name(Call& call, std::string name, std::optional<Secret> password,
                               Error refusal) {
  const std::string folded = text::fold_name(name);
  const Result<Holder> holder =
      co_await query(call, chat::Lane::kUrgent,
                     [&](chat::Snapshot& snapshot) { return find_holder(snapshot, folded); });
  if (!holder) co_return std::unexpected(holder.error());
  if (holder->user.is_zero()) co_return std::unexpected(std::move(refusal));
  co_return co_await log_in(call, std::move(name), std::move(password));
}

}  // namespace

Answering login(Call& call, const json::Value& body) {
  const auto raw_name = required_string(body, "userName");
  if (!raw_name) return refused(raw_name.error());
  auto password = optional_secret(body, "password");
  if (!password) return refused(std::move(password.error()));
  if (auto taken = take_login(call, password->has_value()); !taken) {
    return refused(std::move(taken.error()));
  }
  auto name = text::clean_user_name(*raw_name);
  if (name) return log_in(call, std::move(*name), std::move(*password));
  std::string older = text::given_user_name(*raw_name);
  const bool may_be_older = !older.empty() && (*password || call.is_open());
  if (!may_be_older) return refused(std::move(name.error()));
  return log_in_by_older_name(call, std::move(older), std::move(*password),
                              std::move(name.error()));
}

}  // namespace maru::gateway::rest
