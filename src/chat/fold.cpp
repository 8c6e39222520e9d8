#include "chat/fold.hpp"

#include <algorithm>

namespace maru::chat {
namespace {

// Whoever is put in beside the text is there without having asked; who writes has accepted.
Effect effect(const Text&, const Record& record) {
  Effect effect;
  effect.accepted = record.actor;
  return effect;
}

Effect effect(const MemberJoined& joined, const Record& record) {
  Effect effect;
  effect.joined = Member{joined.subject, record.to_name, joined.role, record.sequence};
  effect.standing = {joined.owner, joined.archived};
  return effect;
}

Effect effect(const MemberLeft& left, const Record&) {
  Effect effect;
  effect.left = left.subject;
  effect.promoted = left.promoted;
  effect.standing = {left.owner, left.archived};
  return effect;
}

void apply(const Effect& effect, ChatState& state) {
  const auto find = [&](UserId user) {
    return std::ranges::find(state.members, user, &Member::user);
  };
  if (effect.left) {
    if (const auto member = find(*effect.left); member != state.members.end()) {
      state.members.erase(member);
    }
  }
  if (effect.joined) state.members.push_back(*effect.joined);
  if (effect.promoted) {
    if (const auto member = find(*effect.promoted); member != state.members.end()) {
      member->role = Role::kOwner;
    }
  }
  if (effect.accepted) {
    if (const auto member = find(*effect.accepted); member != state.members.end()) {
      member->accepted = true;
    }
  }
  if (effect.standing) {
    state.chat.owner = effect.standing->owner;
    state.chat.archived = effect.standing->archived;
  }
}

}  // namespace

Effect effect_of(const Record& record) {
  if (!has_effect(record)) return {};
  return std::visit([&](const auto& body) { return effect(body, record); }, record.body);
}

void fold(ChatState& state, const Record& record) {
  if (has_effect(record)) apply(effect_of(record), state);
  state.head = record.sequence;
  state.text_count = record.text_count;
  state.last_effect = record.last_effect;
  state.chat.updated_at = record.created_at;
}

const Member* find_member(const ChatState& state, UserId user) {
  const auto at = std::ranges::find(state.members, user, &Member::user);
  return at == state.members.end() ? nullptr : &*at;
}

}  // namespace maru::chat
