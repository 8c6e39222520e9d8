// What one answer of `sync` says: for each chat of a plan, what the client is missing, read from
// one snapshot and bounded (product.md, "One number"). Reader thread; no state.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"

namespace maru::gateway {

struct SyncLimits {
  std::size_t events_per_chat;
  std::uint64_t behind_max;  // more than that: reset and the newest page
  std::size_t bytes;         // of the whole answer
};

// What is to be looked up, made on the I/O thread after its chats were attached as pending.
struct SyncPlan {
  struct Chat {
    ChatId id;
    // What the client has; nothing: it did not name the chat, which is `added` for it.
    std::optional<Sequence> known;
    chat::Role role = chat::Role::kMember;
  };
  UserId user;
  bool reset = false;        // another epoch: what the client has is worth nothing
  std::vector<Chat> chats;   // ascending by id
  std::vector<ChatId> left;  // named by the client, but not among the user's chats
};

struct SyncEntry {
  ChatId chat;
  Sequence from;  // `events` cover from < n ≤ to
  Sequence to;
  std::string events;  // `["message",{…}],…` without the brackets around
  bool more = false;   // not all fitted: not attached by this answer
  bool reset = false;  // forget what you have of this chat: this is its newest page
  chat::Role role = chat::Role::kMember;
  std::string added;  // the chat's document if the client did not know it
};

struct SyncPage {
  std::vector<SyncEntry> entries;  // a prefix of the plan's chats, less those that were left
  std::vector<ChatId> removed;
  std::size_t handled = 0;  // of the plan's chats; fewer than all: the bytes were used up
};

// Always handles at least one chat. Errors: the snapshot's.
[[nodiscard]] Result<SyncPage> read_sync_page(chat::Snapshot& snapshot, const SyncPlan& plan,
                                              const SyncLimits& limits);

// Where a page ended: the store's cursor of the listing, and the chat after which to go on in it.
// Opaque to clients.
struct SyncCursor {
  std::string listing;
  ChatId after;  // zero: from the listing's first
};
[[nodiscard]] std::string encode_sync_cursor(const SyncCursor& cursor);
[[nodiscard]] Result<SyncCursor> decode_sync_cursor(std::string_view text);  // empty: the beginning

// The whole acknowledgement: `[{"ok":true,…}]`.
[[nodiscard]] std::string write_sync_answer(const SyncPage& page, std::string_view epoch,
                                            bool reset, const std::optional<SyncCursor>& next);

}  // namespace maru::gateway
