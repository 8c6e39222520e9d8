#include "chat/working_state.hpp"

#include <algorithm>
#include <cassert>

namespace maru::chat {
namespace {

std::unexpected<Error> unreadable() {
  return fail(ErrorCode::kUnavailable, "The store cannot be read at the moment.");
}

std::size_t weight_of(const ChatState& state) {
  return state.members.size() + 4;
}

std::pair<UserId, UserId> pair_of(UserId a, UserId b) {
  return std::minmax(a, b);
}

}  // namespace

WorkingState::WorkingState(Store& store, CacheLimits limits)
    : store_(store),
      types_(limits.users_max),
      chats_(limits.chat_weight_max),
      sent_lately_(limits.sent_max),
      resenders_(limits.resenders_max),
      look_up_left_(limits.look_up_sends) {}

// ---- reading ----

Result<const User*> WorkingState::find_user(UserId id) {
  if (const auto known = users_.find(id); known != users_.end()) return &known->second;
  auto loaded = store_.load_user(id);
  if (!loaded) return unreadable();
  if (!*loaded) return nullptr;
  note_type(**loaded);
  return &users_.emplace(id, std::move(**loaded)).first->second;
}

Result<AccountType> WorkingState::find_type(UserId id) {
  if (const AccountType* known = types_.find(id)) return *known;
  const auto user = find_user(id);
  if (!user) return std::unexpected(user.error());
  return *user ? (*user)->type : AccountType::kGuest;
}

void WorkingState::note_type(const User& user) {
  if (AccountType* known = types_.find(user.id)) {
    *known = user.type;
  } else {
    types_.insert(user.id, user.type, 1);
  }
}

Result<std::optional<UserId>> WorkingState::find_name(std::string_view folded) {
  const auto added = new_names_.find(std::string(folded));
  if (added != new_names_.end() && !ended_users_.contains(added->second)) return added->second;
  auto loaded = store_.load_user_by_name(folded);
  if (!loaded) return unreadable();
  if (!*loaded || ended_users_.contains((*loaded)->id)) return std::nullopt;
  return (*loaded)->id;
}

Result<const std::vector<LoginSession>*> WorkingState::find_sessions(UserId user) {
  const auto known = sessions_.find(user);
  if (known != sessions_.end()) return &known->second;
  auto loaded = store_.load_sessions(user);
  if (!loaded) return unreadable();
  for (LoginSession& session : *loaded) {
    session_users_[session.id] = user;
    const auto touched = session_touches_.find(session.id);
    if (touched != session_touches_.end()) session.last_used_at = touched->second;
  }
  return &sessions_.emplace(user, std::move(*loaded)).first->second;
}

Result<std::vector<LoginSession>> WorkingState::load_idle_sessions(WallTime idle_since,
                                                                   std::size_t limit) {
  auto loaded = store_.load_idle_sessions(idle_since, limit);
  if (!loaded) return unreadable();
  return loaded;
}

Result<const ChatState*> WorkingState::find_chat(ChatId id) {
  if (const ChatState* cached = chats_.find(id)) return cached;
  auto loaded = store_.load_chat(id);
  if (!loaded) return unreadable();
  if (!*loaded) return nullptr;
  const std::size_t weight = weight_of(**loaded);
  return chats_.insert(id, std::move(**loaded), weight);
}

Result<std::optional<ChatId>> WorkingState::find_personal_chat(UserId a, UserId b) {
  const auto added = new_pairs_.find(pair_of(a, b));
  if (added != new_pairs_.end()) return added->second;
  auto loaded = store_.load_personal_chat(a, b);
  if (!loaded) return unreadable();
  return *loaded;
}

Result<std::size_t> WorkingState::find_chat_count_of(UserId user, Entry entry) {
  const auto known = chat_counts_.find({user, entry});
  if (known != chat_counts_.end()) return known->second;
  auto count = store_.load_chat_count_of(user, entry);
  if (!count) return unreadable();
  for (const MembershipChange& change : changes_of(user)) {
    if (change.entry == entry) *count += change.added ? 1 : -1;
  }
  chat_counts_.emplace(std::pair(user, entry), *count);
  return *count;
}

Result<std::vector<Store::Sharing>> WorkingState::find_sharing(UserId user,
                                                               std::span<const UserId> others) {
  auto sharing = store_.load_sharing(user, others);
  if (!sharing) return unreadable();
  for (std::size_t i = 0; i < others.size(); ++i) {
    for (const UserId& came : {user, others[i]}) {
      for (const MembershipChange& change : changes_of(came)) {
        if (change.added) add_new_sharing(change.chat, user, others[i], (*sharing)[i]);
      }
    }
  }
  return sharing;
}

// A chat that one of the two has come into with this batch.
void WorkingState::add_new_sharing(ChatId chat, UserId user, UserId other,
                                   Store::Sharing& sharing) {
  const ChatState* state = chats_.find(chat);
  if (!state || !find_member(*state, user)) return;
  const Member* them = find_member(*state, other);
  if (!them) return;
  sharing.any = true;
  sharing.accepted = sharing.accepted || them->accepted;
}

Result<std::optional<QuotaCount>> WorkingState::find_quota(UserId user, QuotaKind kind) {
  const auto known = quotas_.find({user, kind});
  if (known != quotas_.end()) return known->second;
  auto loaded = store_.load_quota(user, kind);
  if (!loaded) return unreadable();
  return *loaded;
}

Result<std::optional<Store::CreatedUnderKey>> WorkingState::find_created_under_key(
    UserId caller, std::string_view key, WallTime not_before) {
  const auto added = new_keys_.find({caller, std::string(key)});
  if (added != new_keys_.end()) return added->second;
  auto loaded = store_.load_created_under_key(caller, key, not_before);
  if (!loaded) return unreadable();
  return *loaded;
}

Result<ChatNumber> WorkingState::find_last_number() {
  if (!last_number_) {
    auto loaded = store_.load_last_number();
    if (!loaded) return unreadable();
    last_number_ = *loaded;
  }
  return *last_number_;
}

Result<RecordPtr> WorkingState::find_sent(ChatId chat, UserId from, std::string_view id,
                                          Lookup lookup) {
  const SentKey key{chat, from, id};
  const auto added = sent_.find(key);
  if (added != sent_.end()) return added->second;
  if (lookup == Lookup::kIfLikely && !is_likely(key)) return nullptr;
  ++send_looks_;
  auto loaded = store_.load_by_client_msg_id(chat, from, id);
  if (!loaded) return unreadable();
  if (*loaded) note_found(key);
  return loaded;
}

Result<std::vector<std::optional<StoredOutcome>>> WorkingState::find_outcomes(
    std::span<const CommandKey> keys) {
  send_looks_ += keys.size();
  auto found = store_.find_outcomes(keys);
  if (!found) return unreadable();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if ((*found)[i]) note_found({keys[i].chat, keys[i].user, keys[i].command});
  }
  return found;
}

Sequence WorkingState::known_head(ChatId chat) {
  const ChatState* state = chats_.find(chat);
  return state ? state->head : Sequence{0};
}

bool WorkingState::is_likely(const SentKey& key) {
  if (look_up_left_ > 0) {
    --look_up_left_;
    return true;
  }
  return sent_lately_.may_have(hash_of(key)) || resenders_.contains(key.from);
}

// Who resends one forgotten id has more of them: each would roll back the batch that it is in.
void WorkingState::note_found(const SentKey& key) {
  const std::uint64_t hash = hash_of(key);
  if (sent_lately_.may_have(hash)) return;
  sent_lately_.add(hash);
  resenders_.add(key.from);
}

// ---- the open batch ----

void WorkingState::apply(const Change& change) {
  std::visit([this](const auto& one) { apply_one(one); }, change);
}

User& WorkingState::touch_user(UserId id) {
  const auto user = users_.find(id);
  assert(user != users_.end() && "a command reads what it changes");
  return user->second;
}

ChatState& WorkingState::touch_chat(ChatId id) {
  ChatState* state = chats_.find(id);
  assert(state && "a command reads what it changes");
  // Often one chat many times in a row.
  if (touched_chats_.empty() || touched_chats_.back() != id) touched_chats_.push_back(id);
  return *state;
}

void WorkingState::apply_one(const UserInserted& change) {
  users_.insert_or_assign(change.user.id, change.user);
  note_type(change.user);
  new_names_.insert_or_assign(change.folded_name, change.user.id);
  sessions_.try_emplace(change.user.id);
}

void WorkingState::apply_one(const UserPasswordSet& change) {
  User& user = touch_user(change.user);
  user.password_hash = change.password_hash;
  user.type = change.type;
  user.updated_at = change.updated_at;
  note_type(user);
}

void WorkingState::apply_one(const UserEnded& change) {
  User& user = touch_user(change.user);
  user.name = change.tombstone_name;
  user.password_hash.clear();
  user.deleted_at = change.deleted_at;
  user.updated_at = change.deleted_at;
  ended_users_.insert(change.user);
}

void WorkingState::apply_one(const UserSeen& change) {
  const auto user = users_.find(change.user);
  if (user != users_.end()) user->second.last_seen_at = change.at;
}

void WorkingState::apply_one(const SessionOpened& change) {
  const LoginSession& session = change.session;
  assert(sessions_.contains(session.user) && "a command reads what it changes");
  sessions_[session.user].push_back(session);
  session_users_[session.id] = session.user;
}

void WorkingState::apply_one(const SessionTouched& change) {
  session_touches_[change.session] = change.at;
  const auto user = session_users_.find(change.session);
  if (user == session_users_.end()) return;
  for (LoginSession& session : sessions_[user->second]) {
    if (session.id == change.session) session.last_used_at = change.at;
  }
}

void WorkingState::apply_one(const SessionClosed& change) {
  const auto user = session_users_.find(change.session);
  assert(user != session_users_.end() && "a command reads what it changes");
  std::erase_if(sessions_[user->second],
                [&](const LoginSession& session) { return session.id == change.session; });
}

void WorkingState::apply_one(const ChatInserted& change) {
  ChatState state{change.chat, change.members};
  const std::size_t weight = weight_of(state);
  touched_chats_.push_back(change.chat.id);
  chats_.insert(change.chat.id, std::move(state), weight);
  last_number_ = change.chat.number;
  for (const Member& member : change.members) {
    change_membership(member.user, {change.chat.id, member.entry, true});
  }
  if (change.chat.is_personal) {
    new_pairs_[pair_of(change.members.front().user, change.members.back().user)] = change.chat.id;
  }
  if (change.idempotency_key) {
    new_keys_[{change.caller, *change.idempotency_key}] = {change.chat.id,
                                                           change.idempotency_fingerprint};
  }
}

void WorkingState::apply_one(const ChatKeyUsed& change) {
  new_keys_[{change.caller, change.key}] = {change.chat, change.fingerprint};
}

void WorkingState::apply_one(const RecordAppended& change) {
  const Record& record = *change.record;
  ChatState& state = touch_chat(record.chat);
  if (has_effect(record)) note_memberships(state, effect_of(record));
  fold(state, record);
  if (const std::string* id = client_msg_id_of(record)) {
    sent_.emplace(SentKey{record.chat, record.actor, *id}, change.record);
  }
}

// It was decided on the chat as it is known here: if that was wrong, it is read again.
void WorkingState::apply_one(const OutcomeNoted& change) {
  touched_chats_.push_back(change.chat);
}

// `state` is the one before it.
void WorkingState::note_memberships(const ChatState& state, const Effect& effect) {
  if (effect.left) {
    if (const Member* member = find_member(state, *effect.left)) {
      change_membership(member->user, {state.chat.id, member->entry, false});
    }
  }
  if (effect.joined) {
    change_membership(effect.joined->user, {state.chat.id, effect.joined->entry, true});
  }
}

void WorkingState::apply_one(const QuotaCounted& change) {
  quotas_.insert_or_assign({change.counter.user, change.counter.kind}, change.counter);
}

void WorkingState::change_membership(UserId user, const MembershipChange& change) {
  membership_changes_[user].push_back(change);
  const auto known = chat_counts_.find({user, change.entry});
  if (known != chat_counts_.end()) known->second += change.added ? 1 : -1;
}

std::span<const WorkingState::MembershipChange> WorkingState::changes_of(UserId user) const {
  const auto found = membership_changes_.find(user);
  if (found == membership_changes_.end()) return {};
  return found->second;
}

void WorkingState::commit() {
  for (const auto& [key, record] : sent_) sent_lately_.add(hash_of(key));
  for (const auto& [user, changes] : membership_changes_) {
    for (const MembershipChange& change : changes) {
      if (const ChatState* state = chats_.find(change.chat)) {
        chats_.reweigh(change.chat, weight_of(*state));
      }
    }
  }
  forget_batch();
}

void WorkingState::rollback() {
  for (const auto& [id, user] : users_) types_.erase(id);
  for (const ChatId& id : touched_chats_) chats_.erase(id);
  last_number_.reset();
  forget_batch();
}

void WorkingState::forget_batch() {
  for (const ChatId& id : read_anew_) chats_.erase(id);
  read_anew_.clear();
  users_.clear();
  touched_chats_.clear();
  new_names_.clear();
  ended_users_.clear();
  sessions_.clear();
  session_users_.clear();
  session_touches_.clear();
  new_pairs_.clear();
  new_keys_.clear();
  membership_changes_.clear();
  chat_counts_.clear();
  quotas_.clear();
  sent_.clear();
  types_.trim();
  chats_.trim();
}

std::uint64_t WorkingState::hash_of(const SentKey& key) {
  std::uint64_t hash = std::hash<std::string_view>()(key.id);
  hash = (hash ^ std::hash<ChatId>()(key.chat)) * 0x9E3779B97F4A7C15u;
  hash = (hash ^ (hash >> 29) ^ std::hash<UserId>()(key.from)) * 0xBF58476D1CE4E5B9u;
  return hash ^ (hash >> 32);
}

}  // namespace maru::chat
