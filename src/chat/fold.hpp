// A chat's state, and the one place that knows what a record does to it: the working state and the
// stores apply the same Effect, and whoever has a chat's creation and its records has its state.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "chat/model.hpp"
#include "chat/record.hpp"

namespace maru::chat {

// Everything that must be known of a chat to decide.
struct ChatState {
  Chat chat;
  std::vector<Member> members;  // in the order of joining
  Sequence head;
  std::uint64_t text_count = 0;
  Sequence last_effect;  // 0: the creation
};

// What a record changes of its chat beside the head.
struct Effect {
  struct Standing {
    std::optional<UserId> owner;
    bool archived = false;
  };
  std::optional<Member> joined;
  std::optional<UserId> left;
  std::optional<UserId> promoted;  // owns it from now on
  std::optional<UserId> accepted;  // Member::accepted
  std::optional<Standing> standing;
};
// For a record that changes only the head (last_effect is another one): nothing.
[[nodiscard]] Effect effect_of(const Record& record);

[[nodiscard]] inline bool has_effect(const Record& record) {
  return record.last_effect == record.sequence;
}

// The state after `record`, which is the next of its chat.
void fold(ChatState& state, const Record& record);

[[nodiscard]] const Member* find_member(const ChatState& state, UserId user);  // or nullptr

}  // namespace maru::chat
