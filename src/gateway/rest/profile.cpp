#include "gateway/rest/profile.hpp"

#include <span>

#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {

namespace {

Result<bool> may_see_last_seen(chat::Snapshot& snapshot, const UserId& id, const UserId& viewer) {
  if (viewer == id) return true;
  const auto sharing = snapshot.filter_sharing_chat(viewer, std::span(&id, 1));
  if (!sharing) return std::unexpected(sharing.error());
  return !sharing->empty();
}

}  // namespace

Result<chat::User> find_profile(chat::Snapshot& snapshot, const UserId& id, const UserId& viewer) {
  auto found = snapshot.find_user(id);
  if (!found) return std::unexpected(std::move(found.error()));
  if (!*found) return no_such_user();
  const auto tell = may_see_last_seen(snapshot, id, viewer);
  if (!tell) return std::unexpected(tell.error());
  if (!*tell) (*found)->last_seen_at.reset();
  return std::move(**found);
}

Answering answer_profile(Call& call, chat::User user) {
  const bool online = co_await is_online(call, user.id);
  std::string json;
  json::Writer out(json);
  wire::write_user_open(out, user, !user.deleted_at && online);
  out.end_object();
  co_return json_answer(std::move(json));
}

}  // namespace maru::gateway::rest
