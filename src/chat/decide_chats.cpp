// Creating groups and 1:1s. Takes no sequence: the creation document itself says who is there.
#include <algorithm>
#include <array>
#include <cassert>
#include <span>
#include <unordered_set>

#include "base/limits.hpp"
#include "chat/fingerprint.hpp"
#include "chat/turn.hpp"

namespace maru::chat {
namespace {

constexpr std::int64_t kIdempotencyKeyLifeMs = 24 * 60 * 60 * 1000;

// The same for the same request, whatever the order of `members`.
std::uint64_t fingerprint_of(const CreateChat& command, std::vector<UserId> members) {
  std::ranges::sort(members);
  Fingerprint fingerprint;
  const unsigned char kind = command.is_personal ? 1 : 0;
  fingerprint.add(&kind, 1);
  for (const UserId& member : members) fingerprint.add(member.bytes().data(), UserId::kSize);
  fingerprint.add(command.name);
  return fingerprint.value();
}

Result<std::vector<QuotaCount>> check_counts(const CreateChat& command,
                                             const std::vector<UserId>& users, Turn& turn) {
  if (auto room = check_chat_count(command.caller, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }
  const auto caller = load_live_user(command.caller, turn);
  if (!caller) return std::unexpected(caller.error());
  const Entry entry = command.is_personal ? Entry::kOpenedToMe : Entry::kPutIn;
  return prepare_additions(**caller, std::span(users).subspan(1), entry, turn);
}

// The caller and `users`, each once, the caller first.
std::vector<UserId> members_of(const CreateChat& command) {
  std::vector<UserId> members{command.caller};
  std::unordered_set<UserId> seen{command.caller};
  for (const UserId& user : command.users) {
    if (seen.insert(user).second) members.push_back(user);
  }
  return members;
}

Reply answer_existing(ChatId id, Turn& turn) {
  const auto state = turn.state.find_chat(id);
  if (!state) return std::unexpected(state.error());
  if (!*state) return fail(ErrorCode::kInternal, "A chat that was created is not there.");
  return ChatCreated{document_of(**state), true};
}

WallTime keys_live_since(const Turn& turn) {
  return {turn.stamp.lifetime.ms - kIdempotencyKeyLifeMs};
}

// What an earlier request has made already: under the same key, or the pair's 1:1.
struct Existing {
  std::optional<ChatId> chat;
  bool is_new_to_key = false;
};
Result<Existing> find_existing(const CreateChat& command, const std::vector<UserId>& members,
                               Turn& turn) {
  if (command.idempotency_key) {
    const auto earlier = turn.state.find_created_under_key(command.caller, *command.idempotency_key,
                                                           keys_live_since(turn));
    if (!earlier) return std::unexpected(earlier.error());
    if (*earlier) {
      if ((*earlier)->fingerprint == fingerprint_of(command, members)) {
        return Existing{(*earlier)->chat, false};
      }
      return fail(ErrorCode::kIdempotencyConflict,
                  "This Idempotency-Key was used before with another request.");
    }
  }
  if (!command.is_personal) return Existing{};
  const auto pair = turn.state.find_personal_chat(members[0], members[1]);
  if (!pair) return std::unexpected(pair.error());
  return Existing{*pair, command.idempotency_key.has_value()};
}

Result<void> check_size(const CreateChat& command, std::size_t count) {
  if (command.is_personal && count != 2) {
    return fail_field("users", "format", "A 1:1 has the caller and one other user.");
  }
  if (count > limits::kGroupMembersMax) {
    auto refusal = fail(ErrorCode::kChatFull, "The group would have too many members.");
    refusal.error().fields.push_back({"users", "too_many",
                                      static_cast<std::int64_t>(limits::kGroupMembersMax),
                                      static_cast<std::int64_t>(count)});
    return refusal;
  }
  return {};
}

Result<std::vector<Member>> load_members(const CreateChat& command,
                                         const std::vector<UserId>& users, Turn& turn) {
  std::vector<Member> members;
  members.reserve(users.size());
  for (const UserId& id : users) {
    const bool is_caller = members.empty();
    const auto user = load_live_user(id, turn);
    if (!user) {
      if (is_caller || user.error().code == ErrorCode::kUnavailable) {
        return std::unexpected(user.error());
      }
      auto refusal = fail(ErrorCode::kNotFound, "One of the users does not exist.");
      refusal.error().fields.push_back({"users", "unknown"});
      return refusal;
    }
    const Entry entry = is_caller             ? Entry::kOwn
                        : command.is_personal ? Entry::kOpenedToMe
                                              : Entry::kPutIn;
    members.push_back({id, (*user)->name, is_caller ? Role::kOwner : Role::kMember, Sequence{0},
                       entry, is_caller});
  }
  return members;
}

}  // namespace

IdempotencyExpired expired_keys(const Turn& turn) {
  return {keys_live_since(turn)};
}

Reply decide(const CreateChat& command, Turn& turn) {
  const std::vector<UserId> users = members_of(command);
  if (auto size = check_size(command, users.size()); !size) {
    return std::unexpected(std::move(size.error()));
  }
  // The caller first: a deleted user is not told what was there.
  if (auto caller = load_live_user(command.caller, turn); !caller) {
    return std::unexpected(std::move(caller.error()));
  }
  assert(!command.chat.is_zero() && "give_ids() has named it");
  const auto made = turn.state.find_chat(command.chat);
  if (!made) return std::unexpected(made.error());
  if (*made) return ChatCreated{document_of(**made), false};  // decided again
  const auto existing = find_existing(command, users, turn);
  if (!existing) return std::unexpected(existing.error());
  if (existing->chat) {
    auto answer = answer_existing(*existing->chat, turn);
    if (answer && existing->is_new_to_key) {
      // From now on the key means this chat, as if it had made it.
      turn.change(expired_keys(turn));
      turn.change(ChatKeyUsed{command.caller, *command.idempotency_key, *existing->chat,
                              fingerprint_of(command, users), turn.stamp.lifetime});
    }
    return answer;
  }

  auto members = load_members(command, users, turn);
  if (!members) return std::unexpected(std::move(members.error()));
  auto counters = check_counts(command, users, turn);
  if (!counters) return std::unexpected(std::move(counters.error()));
  const auto last_number = turn.state.find_last_number();
  if (!last_number) return std::unexpected(last_number.error());
  if (auto room = admit_write(command.caller, turn); !room) {
    return std::unexpected(std::move(room.error()));
  }

  ChatInserted inserted;
  inserted.chat = Chat{.id = command.chat,
                       .number = ChatNumber{last_number->value + 1},
                       .name = command.name,
                       .is_personal = command.is_personal,
                       .archived = false,
                       .owner = command.caller,
                       .created_at = turn.stamp.now,
                       .updated_at = turn.stamp.now};
  inserted.members = std::move(*members);
  inserted.caller = command.caller;
  if (command.idempotency_key) {
    inserted.idempotency_key = command.idempotency_key;
    inserted.idempotency_fingerprint = fingerprint_of(command, users);
    // An expired use of the same key would be in the way.
    turn.change(expired_keys(turn));
  }
  count_additions(*counters, turn);
  const ChatDocument document = document_of(ChatState{inserted.chat, inserted.members});
  turn.change(std::move(inserted));
  turn.tell(ChatAdded{users, document});
  return ChatCreated{document, false};
}

}  // namespace maru::chat
