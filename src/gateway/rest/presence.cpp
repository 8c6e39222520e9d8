#include "gateway/rest/presence.hpp"

#include "fanout/presence/presence.hpp"

namespace maru::gateway::rest {

void ask_online(const CallPtr& call, std::vector<UserId> users,
                std::move_only_function<void(const Online&)> then) {
  if (users.empty()) return then({});
  call->context().presence.ask_online(
      std::move(users),
      [then = std::move(then)](const std::vector<fanout::PresenceInfo>& infos) mutable {
        Online online;
        for (const fanout::PresenceInfo& info : infos) {
          if (info.online) online.insert(info.user);
        }
        then(online);
      });
}

}  // namespace maru::gateway::rest
