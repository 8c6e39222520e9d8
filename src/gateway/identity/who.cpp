#include "gateway/identity/who.hpp"

#include "text/text.hpp"

namespace maru::gateway {
namespace {

Result<std::optional<chat::User>> find_named(chat::Snapshot& snapshot, const Named& named) {
  if (named.id) return snapshot.find_user(*named.id);
  const std::string name = text::given_user_name(named.name);
  if (name.empty()) return std::unexpected(text::clean_user_name(named.name).error());
  return snapshot.find_user_by_name(text::fold_name(name));
}

}  // namespace

Result<chat::User> believe(chat::Snapshot& snapshot, const Named& named, const UserId& own) {
  auto user = find_named(snapshot, named);
  if (!user) return std::unexpected(std::move(user.error()));
  if (!*user || (*user)->deleted_at) return no_such_user(named.field);
  if (!(*user)->password_hash.empty() && (*user)->id != own) {
    return fail(ErrorCode::kUnauthenticated,
                "This user has a password: calls that name it need its token.");
  }
  return std::move(**user);
}

}  // namespace maru::gateway
