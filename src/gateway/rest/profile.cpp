#include "gateway/rest/profile.hpp"

#include <span>

#include "gateway/rest/flow.hpp"
#include "gateway/rest/presence.hpp"
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

void answer_profile(const CallPtr& call, chat::Snapshot& snapshot, const UserId& id,
                    const UserId& viewer) {
  auto found = snapshot.find_user(id);
  if (!found) return call->problem(found.error());
  if (!*found) return call->problem(no_such_user().error());
  const auto tell = may_see_last_seen(snapshot, id, viewer);
  if (!tell) return call->problem(tell.error());
  if (!*tell) (*found)->last_seen_at.reset();
  ask_online(call, {id}, [call, user = std::move(**found)](const Online& online) {
    std::string json;
    json::Writer out(json);
    wire::write_user_open(out, user, !user.deleted_at && online.contains(user.id));
    out.end_object();
    call->answer(json_answer(std::move(json)));
  });
}

}  // namespace maru::gateway::rest
