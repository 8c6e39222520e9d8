#include "gateway/events/addressing.hpp"

#include "chat/visibility.hpp"
#include "gateway/flow.hpp"

namespace maru::gateway {

Result<ChatId> resolve_chat(chat::Snapshot& snapshot, const ChatRef& chat) {
  if (chat.id) return *chat.id;
  auto document = snapshot.find_chat_by_number(*chat.number);
  if (!document) return std::unexpected(std::move(document.error()));
  if (!*document) return chat::no_such_chat();
  return (*document)->chat.id;
}

Task<Result<Addressed>> address(EventCall& call, const Asks& asks, const ChatRef& chat) {
  const std::optional<UserId> counted = call.counts_as(asks);
  if (counted) {
    const Toll toll{Rate::kJoinsOfUser, RateLimiter::key_of(*counted)};
    const Result<void> admitted = co_await admit(call, *counted, toll);
    if (!admitted) co_return std::unexpected(admitted.error());
    if (chat.id) co_return Addressed{*counted, *chat.id};
  }
  const Result<Addressed> found =
      co_await read(call, asks, [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Addressed> {
        const auto id = resolve_chat(snapshot, chat);
        if (!id) return std::unexpected(id.error());
        return Addressed{caller.user, *id};
      });
  if (!found || counted) co_return found;
  const Toll toll{Rate::kJoinsOfUser, RateLimiter::key_of(found->user)};
  const Result<void> admitted = co_await admit(call, found->user, toll);
  if (!admitted) co_return std::unexpected(admitted.error());
  co_return found;
}

}  // namespace maru::gateway
