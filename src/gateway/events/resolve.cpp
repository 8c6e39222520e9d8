#include "gateway/events/resolve.hpp"
#include "chat/visibility.hpp"

#include <functional>
#include <utility>

#include "gateway/events/realtime_core.hpp"
#include "text/text.hpp"

namespace maru::gateway {

Result<Who> who_asks(const ClientSession& session, AuthMode mode, json::Value payload,
                     std::string_view id_field, std::string_view name_field) {
  Who who{.user = session.user, .login_user = session.login_user};
  if (mode == AuthMode::kAccounts) return who;
  auto named = parse_named_user(payload, id_field, name_field);
  if (!named) return std::unexpected(std::move(named.error()));
  who.named = std::move(*named);
  if (who.named.empty()) {
    if (who.user.is_zero()) {
      return fail(ErrorCode::kUnauthenticated, "Say who you are: userId, userName or a token.");
    }
    who.named.id = who.user;
  } else {
    who.named_by = who.named.id ? id_field : name_field;
  }
  who.needs_lookup = !who.named.id || *who.named.id != who.login_user;
  if (!who.needs_lookup) who.user = who.login_user;
  return who;
}

Result<UserId> identify(chat::Snapshot& snapshot, const Who& who) {
  if (!who.needs_lookup) return who.user;
  Result<std::optional<chat::User>> user;
  if (who.named.id) {
    user = snapshot.find_user(*who.named.id);
  } else {
    const std::string name = text::given_user_name(who.named.name);
    if (name.empty()) return std::unexpected(text::clean_user_name(who.named.name).error());
    user = snapshot.find_user_by_name(text::fold_name(name));
  }
  if (!user) return std::unexpected(std::move(user.error()));
  if (!*user || (*user)->deleted_at) return no_such_user(who.named_by);
  if (!(*user)->password_hash.empty() && (*user)->id != who.login_user) {
    return fail(ErrorCode::kUnauthenticated, "This account has a password: its token is needed.");
  }
  return (*user)->id;
}

Result<Addressed> resolve(chat::Snapshot& snapshot, const Who& who, const ChatRef& chat) {
  const auto user = identify(snapshot, who);
  if (!user) return std::unexpected(user.error());
  const auto id = resolve_chat(snapshot, chat);
  if (!id) return std::unexpected(id.error());
  return Addressed{*user, *id};
}

bool is_known(const Who& who) {
  return !who.needs_lookup || who.named.id.has_value();
}

UserId known_user(const Who& who) {
  return who.needs_lookup ? *who.named.id : who.user;
}

}  // namespace maru::gateway
