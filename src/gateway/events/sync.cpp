// sync {epoch?,chats:{<id>:<sequence>},cursor?}: attaches the socket to the user's chats and says
// what each is missing.
//
// Chats are answered in the order of their ids, ≤ 200 a call, then from `cursor` on. A chat that
// the call does not name is `added`, with its newest page, unless the socket is attached to it
// already: then it is left out, so that a call may name only those that an earlier answer left with
// `more:true`. The socket's next event waits until it is answered.
#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/events/sync_page.hpp"
#include "gateway/flow.hpp"

namespace maru::gateway {
namespace {

constexpr SyncLimits kLimits{.events_per_chat = limits::kSyncEventsPerChatMax,
                             .behind_max = limits::kSyncBehindMax,
                             .bytes = limits::kSyncAnswerBytesMax};

struct Wish {
  Asks asks{Access::kActor};
  SyncPayload payload;
  SyncCursor cursor;
  bool reset = false;
};

struct Listing {
  UserId user;
  chat::MembershipPage page;
};

// The chats of this page, attached as pending, and what to read of each.
struct Looking {
  SyncPlan plan;
  std::vector<PendingAttachment> attachments;  // in the plan's order
  std::optional<std::string> next_listing;
};

std::optional<Sequence> known_sequence(const SyncPayload& payload, ChatId chat) {
  const auto found =
      std::ranges::lower_bound(payload.chats, chat, {}, &std::pair<ChatId, Sequence>::first);
  if (found == payload.chats.end() || found->first != chat) return std::nullopt;
  return found->second;
}

// Named chats within the range of this page that are not among the user's.
std::vector<ChatId> chats_left(const Wish& wish, const chat::MembershipPage& page) {
  std::vector<ChatId> left;
  const auto is_listed = [&](ChatId id) {
    // In the order of id.
    return std::ranges::binary_search(page.chats, id, {}, &chat::Membership::chat);
  };
  for (const auto& [id, sequence] : wish.payload.chats) {
    if (id <= wish.cursor.after) continue;
    if (page.cursor && !page.chats.empty() && id > page.chats.back().chat) break;
    if (!is_listed(id)) left.push_back(id);
  }
  return left;
}

Result<Looking> attach(EventCall& call, const Wish& wish, Listing listing) {
  Looking looking;
  looking.plan.user = listing.user;
  looking.plan.reset = wish.reset;
  looking.plan.left = chats_left(wish, listing.page);
  looking.next_listing = std::move(listing.page.cursor);
  for (const chat::Membership& mine : listing.page.chats) {
    const ChatId id = mine.chat;
    if (id <= wish.cursor.after) continue;  // answered by an earlier call
    const auto known = known_sequence(wish.payload, id);
    auto attachment = PendingAttachment::attach(call, id);
    if (!attachment) {
      return fail(ErrorCode::kValidationFailed, "This socket hears too many chats.");
    }
    if (attachment->was_attached() && !known && !wish.reset) continue;  // it stays attached
    looking.attachments.push_back(std::move(*attachment));
    looking.plan.chats.push_back({.id = id, .known = known, .role = mine.role});
  }
  return looking;
}

// Where the next call goes on.
std::optional<SyncCursor> next_cursor(const Wish& wish, const Looking& looking,
                                      const SyncPage& page) {
  const auto& chats = looking.plan.chats;
  if (page.handled < chats.size()) {
    const ChatId after = page.handled == 0 ? wish.cursor.after : chats[page.handled - 1].id;
    return SyncCursor{wish.cursor.listing, after};
  }
  if (!looking.next_listing) return std::nullopt;
  return SyncCursor{*looking.next_listing, chats.empty() ? wish.cursor.after : chats.back().id};
}

void finish(EventCall& call, const Wish& wish, Looking looking, SyncPage page) {
  // Too much was held for it meanwhile: the client comes again for that chat.
  std::size_t at = 0;
  for (PendingAttachment& attachment : looking.attachments) {
    if (at == page.entries.size()) break;
    if (page.entries[at].chat != attachment.chat()) continue;
    if (!attachment.is_attached()) page.entries[at].more = true;
    ++at;
  }
  call.acknowledge(write_sync_answer(page, call.context().options.store_epoch, wish.reset,
                                     next_cursor(wish, looking, page)));
  at = 0;
  for (PendingAttachment& attachment : looking.attachments) {
    if (at == page.entries.size()) break;
    const SyncEntry& entry = page.entries[at];
    if (entry.chat != attachment.chat()) continue;
    if (!entry.more) attachment.settle(entry.to);
    ++at;
  }
}

// One of a socket at a time, so that it need not be kept from waiting for its turn.
Task<Result<SyncPage>> read_missed(EventCall& call, const SyncPlan& plan, Toll share) {
  const auto turn = co_await take_turn(call, share, std::numeric_limits<std::size_t>::max());
  if (!turn) co_return std::unexpected(turn.error());
  std::vector<ChatId> chats;
  chats.reserve(plan.chats.size());
  for (const SyncPlan::Chat& chat : plan.chats) chats.push_back(chat.id);
  co_return co_await read_live(call, chat::Lane::kBulk, std::move(chats),
                               [&](chat::Snapshot& snapshot) {
                                 auto page = read_sync_page(snapshot, plan, kLimits);
                                 charge(call, share, snapshot);
                                 return page;
                               });
}

Task<Result<Listing>> list_chats(EventCall& call, const Wish& wish) {
  co_return co_await read(
      call, wish.asks, [&](chat::Snapshot& snapshot, Caller& caller) -> Result<Listing> {
        auto page =
            snapshot.list_memberships(caller.user, wish.cursor.listing, limits::kSyncChatsMax);
        if (!page) return std::unexpected(std::move(page.error()));
        return Listing{caller.user, std::move(*page)};
      });
}

Handling sync(EventCall& call, Wish wish) {
  const NextEventsWait waiting(call);
  const Toll share = call.read_share(Caller());
  const auto tolls = [&](const UserId& user) {
    return Tolls({Rate::kHistoryOfUser, RateLimiter::key_of(user)}, share);
  };
  const std::optional<UserId> counted = call.counts_as(wish.asks);
  if (counted) {
    const Result<void> admitted = co_await admit(call, *counted, tolls(*counted));
    if (!admitted) co_return admitted;
  }
  Result<Listing> listing = co_await list_chats(call, wish);
  if (!listing) co_return std::unexpected(std::move(listing.error()));
  if (!counted) {
    const Result<void> admitted = co_await admit(call, listing->user, tolls(listing->user));
    if (!admitted) co_return admitted;
  }
  call.speak_for(listing->user);
  Result<Looking> looking = attach(call, wish, std::move(*listing));
  if (!looking) co_return std::unexpected(std::move(looking.error()));
  Result<SyncPage> page = co_await read_missed(call, looking->plan, share);
  if (!page) co_return std::unexpected(std::move(page.error()));
  finish(call, wish, std::move(*looking), std::move(*page));
  co_return Result<void>();
}

}  // namespace

Handling handle_sync(EventCall& call, json::Value payload) {
  if (!call.wants_answer()) {
    return refused(Error{
        ErrorCode::kValidationFailed, "sync answers in an acknowledgement: ask for one.", {}, 0});
  }
  auto parsed = parse_sync(payload);
  if (!parsed) return refused(std::move(parsed.error()));
  auto cursor = decode_sync_cursor(parsed->cursor);
  if (!cursor) return refused(std::move(cursor.error()));
  auto asks = call.asker().asks(payload, "userId", "userName");
  if (!asks) return refused(std::move(asks.error()));
  Wish wish{std::move(*asks), std::move(*parsed), std::move(*cursor)};
  wish.reset = wish.payload.epoch && *wish.payload.epoch != call.context().options.store_epoch;
  return sync(call, std::move(wish));
}

}  // namespace maru::gateway
