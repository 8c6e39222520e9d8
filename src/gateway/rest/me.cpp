// GET /users/me; PATCH /users/me {password, currentPassword?}.
#include "base/log.hpp"
#include "gateway/rest/decode.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/password.hpp"
#include "gateway/rest/password_try.hpp"
#include "gateway/rest/profile.hpp"
#include "text/text.hpp"

namespace maru::gateway::rest {
namespace {

// A stolen session must not be enough to take the account over, nor to guess its password.
Task<Result<void>> verify_current(Call& call, const Identity& me, const std::string& hash,
                                  std::string_view current) {
  PasswordTry tried{
      me.user, me.user_name,       text::fold_name(me.user_name),   clean_password(current),
      hash,    "current_password", "The current password is wrong."};
  const auto verified = co_await try_password(call, std::move(tried));
  if (!verified) co_return std::unexpected(verified.error());
  co_return Result<void>();
}

Result<void> take_change(Call& call, UserId user) {
  if (auto own = call.take(Rate::kPasswordChangesOfUser, RateLimiter::key_of(user)); !own) {
    return own;
  }
  return call.take_of_network(Rate::kLoginsOfIp);
}

struct Account {
  Identity me;
  std::string hash;  // empty: a guest sets the first password
};

Task<Result<Account>> find_account(Call& call) {
  co_return co_await read(
      call, Asks(Access::kSelf), [](chat::Snapshot& snapshot, Caller& caller) -> Result<Account> {
        auto user = snapshot.find_user(caller.user);
        if (!user) return std::unexpected(std::move(user.error()));
        if (!*user) return fail(ErrorCode::kUnauthenticated, {});
        return Account{std::move(*caller.session), std::move((*user)->password_hash)};
      });
}

Answering me(Call& call) {
  Result<chat::User> user =
      co_await read(call, Asks(Access::kSelf), [](chat::Snapshot& snapshot, Caller& caller) {
        return find_profile(snapshot, caller.user, caller.user);
      });
  if (!user) co_return std::unexpected(user.error());
  co_return co_await answer_profile(call, std::move(*user));
}

Answering change(Call& call, Secret raw, std::optional<Secret> current) {
  Result<Account> account = co_await find_account(call);
  if (!account) co_return std::unexpected(account.error());
  const Identity& who = account->me;
  auto password = clean_new_password(raw.view(), who.user_name, "password");
  if (!password) co_return std::unexpected(std::move(password.error()));
  const bool is_first = account->hash.empty();
  if (!is_first && !current) {
    co_return fail_field("currentPassword", "required",
                         "The field currentPassword is required to change a password.");
  }
  Result<void> allowed = take_change(call, who.user);
  if (allowed && !is_first) {
    allowed = co_await verify_current(call, who, account->hash, current->view());
  }
  if (!allowed) co_return std::unexpected(std::move(allowed.error()));
  Result<std::string> hash = co_await hash_password(call, who.user, std::move(*password));
  if (!hash) co_return std::unexpected(std::move(hash.error()));
  chat::SetPassword command{who.user, who.session, std::move(account->hash), std::move(*hash)};
  const chat::Reply stored = co_await submit(call, std::move(command));
  if (!stored) co_return std::unexpected(stored.error());
  log::audit("audit_password_changed", {{"user", who.user.hex()},
                                        {"ip", call.head().peer_address},
                                        {"request_id", call.request_id()}});
  co_return co_await me(call);
}

}  // namespace

Answering get_me(Call& call, const json::Value&) {
  return me(call);
}

Answering change_password(Call& call, const json::Value& body) {
  auto password = required_secret(body, "password");
  if (!password) return refused(std::move(password.error()));
  auto current = optional_secret(body, "currentPassword");
  if (!current) return refused(std::move(current.error()));
  return change(call, std::move(*password), std::move(*current));
}

}  // namespace maru::gateway::rest
