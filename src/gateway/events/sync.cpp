// sync {epoch?,chats:{<id>:<sequence>},cursor?}: attaches the socket to the user's chats and says
// what each is missing.
//
// Chats are answered in the order of their ids, ≤ 200 a call, then from `cursor` on. A chat that
// the call does not name is `added`, with its newest page, unless the socket is attached to it
// already: then it is left out, so that a call may name only those that an earlier answer left with
// `more:true`. The socket's next event waits until it is answered.
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/limits.hpp"
#include "gateway/events/handlers.hpp"
#include "gateway/events/payloads.hpp"
#include "gateway/events/resolve.hpp"
#include "gateway/events/sync_page.hpp"

namespace maru::gateway {
namespace {

constexpr SyncLimits kLimits{.events_per_chat = limits::kSyncEventsPerChatMax,
                             .behind_max = limits::kSyncBehindMax,
                             .bytes = limits::kSyncAnswerBytesMax};

struct SyncCall {
  EventCaller caller;
  SyncPayload payload;
  SyncCursor cursor;
  bool reset = false;
};

struct Listing {
  UserId user;
  chat::MembershipPage page;
};

// What the first look decided, kept on this thread while the second one runs.
struct Attachments {
  std::vector<ChatId> chats;  // in the plan's order
  std::optional<std::string> next_listing;
};

std::optional<Sequence> known_sequence(const SyncPayload& payload, ChatId chat) {
  const auto found =
      std::ranges::lower_bound(payload.chats, chat, {}, &std::pair<ChatId, Sequence>::first);
  if (found == payload.chats.end() || found->first != chat) return std::nullopt;
  return found->second;
}

// Named chats within the range of this page that are not among the user's.
std::vector<ChatId> chats_left(const SyncCall& call, const chat::MembershipPage& page) {
  std::vector<ChatId> left;
  const auto is_listed = [&](ChatId id) {
    // In the order of id.
    return std::ranges::binary_search(page.chats, id, {}, &chat::Membership::chat);
  };
  for (const auto& [id, sequence] : call.payload.chats) {
    if (id <= call.cursor.after) continue;
    if (page.cursor && !page.chats.empty() && id > page.chats.back().chat) break;
    if (!is_listed(id)) left.push_back(id);
  }
  return left;
}

void abandon_from(ClientSession& session, const Attachments& attachments, std::size_t first) {
  for (std::size_t i = first; i < attachments.chats.size(); ++i) {
    session.abandon(attachments.chats[i]);
  }
}

void finish_sync(RealtimeCore& core, ClientSession& session, const SyncCall& call,
                 const Attachments& attachments, SyncPage page) {
  std::optional<SyncCursor> next;
  if (page.handled < attachments.chats.size()) {
    const ChatId after =
        page.handled == 0 ? call.cursor.after : attachments.chats[page.handled - 1];
    next = SyncCursor{call.cursor.listing, after};
  } else if (attachments.next_listing) {
    const ChatId after = attachments.chats.empty() ? call.cursor.after : attachments.chats.back();
    next = SyncCursor{*attachments.next_listing, after};
  }
  // Too much was held for it meanwhile: the client comes again for that chat.
  for (SyncEntry& entry : page.entries) {
    if (!session.is_attached(entry.chat)) entry.more = true;
  }
  core.acknowledge(session, call.caller,
                   write_sync_answer(page, core.context.options.store_epoch, call.reset, next));
  std::size_t at = 0;
  for (std::size_t i = 0; i < page.handled; ++i) {
    const ChatId chat = attachments.chats[i];
    const bool has_entry = at < page.entries.size() && page.entries[at].chat == chat;
    if (has_entry && !page.entries[at].more) {
      session.settle(chat, page.entries[at].to);
    } else {
      session.abandon(chat);
    }
    if (has_entry) ++at;
  }
  abandon_from(session, attachments, page.handled);
}

// The chats of this page are known: attach them as pending, then read what each is missing.
void attach_and_read(RealtimeCore& core, ClientSession& session, SyncCall call, Listing listing) {
  SyncPlan plan{.user = listing.user, .reset = call.reset};
  plan.left = chats_left(call, listing.page);
  Attachments attachments{.next_listing = std::move(listing.page.cursor)};
  for (const chat::Membership& mine : listing.page.chats) {
    const ChatId id = mine.chat;
    if (id <= call.cursor.after) continue;  // answered by an earlier call
    const auto known = known_sequence(call.payload, id);
    const fanout::AttachResult attached = session.attach(id);
    if (attached == fanout::AttachResult::kAttached && !known && !call.reset) {
      session.abandon(id);  // it stays attached
      continue;
    }
    if (attached == fanout::AttachResult::kTooMany) {
      abandon_from(session, attachments, 0);
      return core.refuse(
          session, call.caller,
          Error{ErrorCode::kValidationFailed, "This socket hears too many chats.", {}, 0});
    }
    attachments.chats.push_back(id);
    plan.chats.push_back({.id = id, .known = known, .role = mine.role});
  }
  // One of a socket at a time, so that it need not be kept from waiting.
  core.query_in_turn<SyncPage>(
      session, Input::kWaits, std::numeric_limits<std::size_t>::max(),
      [plan = std::move(plan)](chat::Snapshot& snapshot) {
        return read_sync_page(snapshot, plan, kLimits);
      },
      [&core, call = std::move(call), attachments = std::move(attachments)](ClientSession& asker,
                                                                            Result<SyncPage> page) {
        if (!page) {
          abandon_from(asker, attachments, 0);
          return core.refuse(asker, call.caller, page.error());
        }
        finish_sync(core, asker, call, attachments, std::move(*page));
      });
}

bool admit_sync(RealtimeCore& core, ClientSession& session, const IncomingEvent& call,
                UserId user) {
  return core.admit(
      session, call,
      {{Rate::kHistoryOfUser, RateLimiter::key_of(user)}, RealtimeCore::read_share(session)});
}

}  // namespace

void handle_sync(RealtimeCore& core, ClientSession& session, const IncomingEvent& call) {
  if (!call.caller.ack) {
    return core.refuse(session, call.caller,
                       Error{ErrorCode::kValidationFailed,
                             "sync answers in an acknowledgement: ask for one.",
                             {},
                             0});
  }
  auto payload = parse_sync(call.payload);
  if (!payload) return core.refuse(session, call.caller, payload.error());
  auto cursor = decode_sync_cursor(payload->cursor);
  if (!cursor) return core.refuse(session, call.caller, cursor.error());
  auto who = who_asks(session, core.context.options.auth, call.payload, "userId", "userName");
  if (!who) return core.refuse(session, call.caller, who.error());
  if (is_known(*who) && !admit_sync(core, session, call, known_user(*who))) return;

  SyncCall sync{
      .caller = call.caller, .payload = std::move(*payload), .cursor = std::move(*cursor)};
  sync.reset = sync.payload.epoch && *sync.payload.epoch != core.context.options.store_epoch;
  const std::string listing_cursor = sync.cursor.listing;
  core.query<Listing>(
      session, Input::kWaits,
      [who = *who, listing_cursor](chat::Snapshot& snapshot) -> Result<Listing> {
        const auto user = identify(snapshot, who);
        if (!user) return std::unexpected(user.error());
        auto page = snapshot.list_memberships(*user, listing_cursor, limits::kSyncChatsMax);
        if (!page) return std::unexpected(std::move(page.error()));
        return Listing{*user, std::move(*page)};
      },
      [&core, held = is_known(*who) ? HeldEvent{} : hold_on_to(call), is_counted = is_known(*who),
       sync = std::move(sync)](ClientSession& asker, Result<Listing> listing) mutable {
        if (!listing) return core.refuse(asker, sync.caller, listing.error());
        if (!is_counted &&
            !admit_sync(core, asker, later_call(held, asker.key, "sync"), listing->user)) {
          return;
        }
        speak_for(core, asker, listing->user);
        attach_and_read(core, asker, std::move(sync), std::move(*listing));
      });
}

}  // namespace maru::gateway
