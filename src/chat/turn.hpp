// One command's turn: what its decision reads and where it writes. Internal to chat/.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/chat_core.hpp"

namespace maru::chat {

// First everything that can fail is read from `state`; then come change() and tell().
struct Turn {
  WorkingState& state;
  AskedLeaves& asked_leaves;
  const Stamp& stamp;
  Effects& effects;
  const Quotas& quotas;
  // Whose bytes the changes are; nobody's in particular where the decision does not say.
  std::optional<AccountType> writer;

  template <class One>
  void change(One one) {
    effects.changes.emplace_back(std::move(one));
    state.apply(effects.changes.back());
  }
  template <class One>
  void tell(One one) {
    effects.events.emplace_back(std::move(one));
  }
};

// ---- one per command ----
Reply decide(const RegisterUser& command, Turn& turn);
Reply decide(const OpenGuest& command, Turn& turn);
Reply decide(const OpenSession& command, Turn& turn);
Reply decide(const SetPassword& command, Turn& turn);
Reply decide(const RevokeSession& command, Turn& turn);
Reply decide(const ExpireSessions& command, Turn& turn);
Reply decide(const TouchActivity& command, Turn& turn);
Reply decide(const NoteLoginFailures& command, Turn& turn);
Reply decide(const ExpireLoginFailures& command, Turn& turn);
Reply decide(const CreateChat& command, Turn& turn);
Reply decide(const JoinChat& command, Turn& turn);
Reply decide(const AskLeave& command, Turn& turn);
Reply decide(const LeaveChat& command, Turn& turn);
Reply decide(const SendMessage& command, Turn& turn);
Reply decide(const FinishEnding& command, Turn& turn);

// ---- shared steps ----

// The user, alive. Unknown: kNotFound; deleted: kUnauthenticated, as its sessions are over.
[[nodiscard]] Result<const User*> load_live_user(UserId id, Turn& turn);
// Notes whose the changes are. kUnavailable where the disk has no room left for what such a user
// writes; after everything else that could refuse or answer the command.
[[nodiscard]] Result<void> admit_write(AccountType type, Turn& turn);
[[nodiscard]] Result<void> admit_write(UserId user, Turn& turn);
// Refuses (kValidationFailed, field users) a user who has made and joined as many chats as one may.
[[nodiscard]] Result<void> check_chat_count(UserId user, Turn& turn);
// The idempotency keys of chats whose day is over.
[[nodiscard]] IdempotencyExpired expired_keys(const Turn& turn);
// Whether `adder` may make a chat with `added` in it, who come by `entry`; the counters as they are
// afterwards, for count_additions. Errors: kChatFull (field users: somebody is in too many chats
// already), kRateLimited (field users: which quota; with the time to wait).
[[nodiscard]] Result<std::vector<QuotaCount>> prepare_additions(const User& adder,
                                                                std::span<const UserId> added,
                                                                Entry entry, Turn& turn);
void count_additions(const std::vector<QuotaCount>& counters, Turn& turn);
[[nodiscard]] ChatDocument document_of(const ChatState& state);

// The next record of the chat, done by `actor`; it changes no more than the head unless its maker
// says so (last_effect).
[[nodiscard]] Record next_record(const ChatState& state, const Member& actor, RecordBody body,
                                 Turn& turn);
// A member where it may write.
struct Seat {
  const ChatState* state;
  const Member* member;
};
// The chat and the user in it. Errors: kNotFound (no such chat, a 1:1 of others), kNotMember,
// kChatArchived; kUnauthenticated, the user has been deleted.
[[nodiscard]] Result<Seat> load_seat(ChatId chat, UserId user, Turn& turn);
// next_record() of who sits there; in a 1:1 it is to the other member.
[[nodiscard]] Record next_written(const Seat& seat, RecordBody body, Turn& turn);
// Makes it true and tells it.
RecordPtr append(Record record, Turn& turn);
// The user, who has been read, is no more: a guest with no session, or a deleted account.
void end_user(UserId user, Turn& turn);

}  // namespace maru::chat
