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

void log_in_guest(const CallPtr& call, const std::string& name, std::string folded) {
  OpeningSession opening = make_session(*call);
  chat::OpenGuest command{
      name, std::move(folded),
      call->is_open() ? chat::GuestRule::kSameNameSameUser : chat::GuestRule::kNameMustBeFree,
      std::move(opening.session)};
  submit_raw(call, std::move(command),
             [call, name, token = std::move(opening.token)](chat::Reply&& reply) mutable {
               if (!reply) {
                 log_failed_login(*call, name, to_string(reply.error().code));
                 return call->problem(reply.error());
               }
               answer_logged_in(call, std::get<chat::LoggedIn>(*reply), std::move(token),
                                Opened::kByLogin);
             });
}

struct PasswordLogin {
  std::string name;
  std::string folded;
  Secret password;
  UserId user;
  std::string hash;  // empty: unknown user, or one without a password
};

void verify_again(const CallPtr& call, PasswordLogin login);

enum class Turn : std::uint8_t { kFirst, kLast };

void open_session(const CallPtr& call, PasswordLogin login, std::string renewed, Turn turn) {
  OpeningSession opening = make_session(*call);
  chat::OpenSession command{login.user, login.hash, std::move(renewed), std::move(opening.session)};
  submit_raw(call, std::move(command),
             [call, login = std::move(login), turn,
              token = std::move(opening.token)](chat::Reply&& reply) mutable {
               if (reply) {
                 return answer_logged_in(call, std::get<chat::LoggedIn>(*reply), std::move(token),
                                         Opened::kByLogin);
               }
               if (reply.error().code == ErrorCode::kInvalidCredentials && turn == Turn::kFirst) {
                 return verify_again(call, std::move(login));
               }
               call->problem(reply.error());
             });
}

// The stored hash has become another since the password matched it: by a login at the same time
// that renewed its parameters, or by a change of the password. Once more against what is stored
// now.
void verify_again(const CallPtr& call, PasswordLogin login) {
  query(call, chat::Lane::kUrgent,
        [call, login = std::move(login)](chat::Snapshot& snapshot) mutable {
          auto user = snapshot.find_user(login.user);
          if (!user) return call->problem(user.error());
          login.hash = *user && !(*user)->deleted_at ? (*user)->password_hash : std::string();
          PasswordTry tried{
              login.user, login.name,         login.folded,     std::move(login.password),
              login.hash, "password_changed", kWrongCredentials};
          try_password(call, std::move(tried),
                       [call, login = std::move(login)](Verification verification) mutable {
                         open_session(call, std::move(login), std::move(verification.renewed),
                                      Turn::kLast);
                       });
        });
}

void log_in_account(const CallPtr& call, PasswordLogin login) {
  query(call, chat::Lane::kUrgent,
        [call, login = std::move(login)](chat::Snapshot& snapshot) mutable {
          auto user = snapshot.find_user_by_name(login.folded);
          if (!user) return call->problem(user.error());
          if (*user && !(*user)->deleted_at) {
            login.user = (*user)->id;
            login.hash = (*user)->password_hash;
          }
          PasswordTry tried{login.user,       login.name,
                            login.folded,     std::move(login.password),
                            login.hash,       "invalid_credentials",
                            kWrongCredentials};
          try_password(call, std::move(tried),
                       [call, login = std::move(login)](Verification verification) mutable {
                         login.password = std::move(verification.password);
                         open_session(call, std::move(login), std::move(verification.renewed),
                                      Turn::kFirst);
                       });
        });
}

// Whether the address may try: in open mode a nickname proves nothing and tells nothing, so that
// guests are only kept from flooding the store.
bool take_login(const CallPtr& call, bool with_password) {
  Rate rate = Rate::kLoginsOfIp;
  if (!with_password) rate = call->is_open() ? Rate::kOpenGuestsOfIp : Rate::kRegistersOfIp;
  return call->is_let_through(call->take_of_network(rate));
}

void log_in(const CallPtr& call, std::string name, std::optional<Secret> password) {
  std::string folded = text::fold_name(name);
  if (!password) return log_in_guest(call, name, std::move(folded));
  log_in_account(call,
                 {std::move(name), std::move(folded), clean_password(password->view()), {}, {}});
}

// A name that is refused today may have been given under older rules: whoever has it keeps it, and
// nobody new gets it. Without a password that goes for open mode alone, where the name is the
// identity; elsewhere a guest's name is a session's.
void log_in_by_older_name(const CallPtr& call, std::string_view raw_name,
                          std::optional<Secret> password, Error refusal) {
  std::string name = text::given_user_name(raw_name);
  if (name.empty() || (!password && !call->is_open())) return call->problem(refusal);
  query(call, chat::Lane::kUrgent,
        [call, name = std::move(name), password = std::move(password),
         refusal = std::move(refusal)](chat::Snapshot& snapshot) mutable {
          const auto user = snapshot.find_user_by_name(text::fold_name(name));
          if (!user) return call->problem(user.error());
          if (!*user || (*user)->deleted_at) return call->problem(refusal);
          log_in(call, std::move(name), std::move(password));
        });
}

}  // namespace

void login(CallPtr call, const json::Value& body) {
  auto raw_name = required_string(body, "userName");
  if (!raw_name) return call->problem(raw_name.error());
  auto password = optional_secret(body, "password");
  if (!password) return call->problem(password.error());
  if (!take_login(call, password->has_value())) return;
  auto name = text::clean_user_name(*raw_name);
  if (!name) {
    return log_in_by_older_name(call, *raw_name, std::move(*password), std::move(name.error()));
  }
  log_in(call, std::move(*name), std::move(*password));
}

}  // namespace maru::gateway::rest
