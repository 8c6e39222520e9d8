#include "gateway/rest/profile.hpp"

#include "gateway/rest/flow.hpp"
#include "gateway/rest/presence.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {

void answer_profile(const CallPtr& call, chat::Snapshot& snapshot, const UserId& id) {
  auto found = snapshot.find_user(id);
  if (!found) return call->problem(found.error());
  if (!*found) return call->problem(no_such_user().error());
  ask_online(call, {id}, [call, user = std::move(**found)](const Online& online) {
    std::string json;
    json::Writer out(json);
    wire::write_user_open(out, user, !user.deleted_at && online.contains(user.id));
    out.end_object();
    call->answer(json_answer(std::move(json)));
  });
}

}  // namespace maru::gateway::rest
