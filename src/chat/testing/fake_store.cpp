#include "chat/testing/fake_store.hpp"

#include <algorithm>

#include "base/memory.hpp"
#include "chat/command.hpp"

namespace maru::chat::testing {
namespace {

std::unexpected<Error> unavailable() {
  return fail(ErrorCode::kUnavailable, "injected");
}

bool is_note(const Change& change) {
  return std::holds_alternative<OutcomeNoted>(change);
}

}  // namespace

// ---- faults ----

void FakeStore::fail_append(std::size_t number, AppendFault fault) {
  planned_[number] = fault;
}

void FakeStore::fail_loads(std::size_t count, std::size_t skip) {
  load_faults_ = count;
  load_faults_skip_ = skip;
}

AppendFault FakeStore::next_fault(std::span<const Change> batch) {
  ++appends_;
  if (full_.load()) return AppendFault::kUnavailable;
  const auto planned = planned_.find(appends_);
  if (planned != planned_.end()) return planned->second;
  return faults_ ? faults_(appends_, batch) : AppendFault::kNone;
}

bool FakeStore::load_fails() {
  ++loads_;
  if (load_faults_ == 0) return false;
  if (load_faults_skip_ > 0) {
    --load_faults_skip_;
    return false;
  }
  --load_faults_;
  return true;
}

void FakeStore::idle(MonotonicTime /*now*/) {
  ++idles_;
}

// ---- inspection ----

const std::vector<RecordPtr>& FakeStore::records(ChatId chat) const {
  static const std::vector<RecordPtr> kNone;
  const auto found = records_.find(chat);
  return found == records_.end() ? kNone : found->second;
}

bool FakeStore::has_record(const Record& record) const {
  const auto& all = records(record.chat);
  const std::uint64_t sequence = record.sequence.value;
  return sequence >= 1 && sequence <= all.size() && all[sequence - 1]->id == record.id;
}

std::vector<LoginFailures> FakeStore::login_failures() const {
  std::vector<LoginFailures> found;
  for (const auto& [key, counter] : login_failures_) found.push_back(counter);
  std::ranges::sort(found, std::ranges::greater(), &LoginFailures::until);
  return found;
}

// ---- append ----

template <class Map>
void FakeStore::save(Map& map, const typename Map::key_type& key) {
  std::optional<typename Map::mapped_type> before;
  if (const auto at = map.find(key); at != map.end()) before = at->second;
  undo_.push_back([&map, key, before = std::move(before)] {
    if (before) {
      map.insert_or_assign(key, *before);
    } else {
      map.erase(key);
    }
  });
}

template <class Map>
typename Map::mapped_type* FakeStore::edit(Map& map, const typename Map::key_type& key,
                                           const char* what) {
  const auto at = map.find(key);
  if (at == map.end()) {
    violations_.push_back(std::string(what) + ": not there");
    return nullptr;
  }
  save(map, key);
  return &at->second;
}

void FakeStore::undo() {
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
}

Appended FakeStore::append(std::span<const Change> batch) {
  const memory::Patience patience;  // all or nothing, and its memory is a disk
  if (!keeps_outcomes_ && !batch.empty() && std::ranges::all_of(batch, is_note)) {
    return Appended::kCommitted;
  }
  const AppendFault fault = next_fault(batch);
  if (fault == AppendFault::kUnavailable) return Appended::kUnavailable;
  if (fault == AppendFault::kConflict) return Appended::kConflict;
  if (fault == AppendFault::kGivenUp) return Appended::kGivenUp;
  if (batch.empty()) violations_.push_back("append: nothing to write");
  undo_.clear();
  for (const Change& change : batch) {
    if (std::visit([this](const auto& one) { return write(one); }, change)) continue;
    undo();
    return Appended::kConflict;
  }
  if (fault == AppendFault::kUnavailableAfter) return Appended::kUnavailable;
  if (fault == AppendFault::kGivenUpAfter) return Appended::kGivenUp;
  return Appended::kCommitted;
}

bool FakeStore::write(const UserInserted& change) {
  if (users_.contains(change.user.id) || names_.contains(change.folded_name)) return false;
  save(users_, change.user.id);
  save(names_, change.folded_name);
  users_.emplace(change.user.id, change.user);
  names_.emplace(change.folded_name, change.user.id);
  return true;
}

bool FakeStore::write(const UserPasswordSet& change) {
  if (User* user = edit(users_, change.user, "UserPasswordSet")) {
    user->password_hash = change.password_hash;
    user->type = change.type;
    user->updated_at = change.updated_at;
  }
  return true;
}

bool FakeStore::write(const UserEnded& change) {
  if (User* user = edit(users_, change.user, "UserEnded")) {
    user->name = change.tombstone_name;
    user->password_hash.clear();
    user->deleted_at = change.deleted_at;
    user->updated_at = change.deleted_at;
  }
  const auto name =
      std::ranges::find(names_, change.user, [](const auto& entry) { return entry.second; });
  if (name == names_.end()) {
    violations_.push_back("UserEnded: has no name");
    return true;
  }
  save(names_, std::string(name->first));
  names_.erase(name);
  for (auto& [id, state] : chats_) {
    const auto member = std::ranges::find(state.members, change.user, &Member::user);
    if (member == state.members.end()) continue;
    save(chats_, id);
    member->user_name = change.tombstone_name;
    member->ended = true;
  }
  save(ending_, change.user);
  ending_.emplace(change.user, true);
  return true;
}

bool FakeStore::write(const EndingFinished& change) {
  save(ending_, change.user);
  ending_.erase(change.user);
  return true;
}

bool FakeStore::write(const UserSeen& change) {
  if (!users_.contains(change.user)) return true;
  edit(users_, change.user, "UserSeen")->last_seen_at = change.at;
  return true;
}

bool FakeStore::write(const SessionOpened& change) {
  if (sessions_.contains(change.session.id)) return false;
  if (!users_.contains(change.session.user)) violations_.push_back("SessionOpened: no user");
  save(sessions_, change.session.id);
  sessions_.emplace(change.session.id, change.session);
  return true;
}

bool FakeStore::write(const SessionTouched& change) {
  if (!sessions_.contains(change.session)) return true;
  edit(sessions_, change.session, "SessionTouched")->last_used_at = change.at;
  return true;
}

bool FakeStore::write(const SessionClosed& change) {
  if (edit(sessions_, change.session, "SessionClosed")) sessions_.erase(change.session);
  return true;
}

bool FakeStore::write(const ChatInserted& change) {
  const Chat& chat = change.chat;
  const auto pair = std::minmax(change.members.front().user, change.members.back().user);
  const std::pair<UserId, std::string> key{change.caller, change.idempotency_key.value_or("")};
  if (chats_.contains(chat.id) || numbers_.contains(chat.number.value)) return false;
  if (chat.is_personal && pairs_.contains(pair)) return false;
  if (change.idempotency_key && keys_.contains(key)) return false;
  save(chats_, chat.id);
  save(numbers_, chat.number.value);
  chats_.emplace(chat.id, ChatState{chat, change.members});
  numbers_.emplace(chat.number.value, chat.id);
  if (chat.is_personal) {
    save(pairs_, pair);
    pairs_.emplace(pair, chat.id);
  }
  if (change.idempotency_key) {
    save(keys_, key);
    keys_.emplace(key, StoredKey{chat.id, change.idempotency_fingerprint, chat.created_at});
  }
  return true;
}

bool FakeStore::write(const ChatKeyUsed& change) {
  const std::pair<UserId, std::string> key{change.caller, change.key};
  if (keys_.contains(key)) return false;
  if (!chats_.contains(change.chat)) violations_.push_back("ChatKeyUsed: no chat");
  save(keys_, key);
  keys_.emplace(key, StoredKey{change.chat, change.fingerprint, change.created_at});
  return true;
}

bool FakeStore::write(const RecordAppended& change) {
  const Record& record = *change.record;
  ChatState* state = edit(chats_, record.chat, "RecordAppended");
  if (!state) return true;
  if (record.sequence <= state->head) return false;
  if (record.sequence.value != state->head.value + 1)
    violations_.push_back("RecordAppended: a gap");
  check_effect(*state, record);
  if (const std::string* id = client_msg_id_of(record)) {
    const SentKey key{record.chat, record.actor, *id};
    if (sent_.contains(key) || outcomes_.contains(key)) return false;
    save(sent_, key);
    sent_.emplace(key, change.record);
  }
  if (!change.command.is_zero()) {
    const SentKey key{record.chat, record.actor, name_of(change.command)};
    if (outcomes_.contains(key)) return false;
    save(outcomes_, key);
    outcomes_.emplace(key, StoredOutcome{change.record, std::nullopt});
  }
  fold(*state, record);
  auto& records = records_[record.chat];
  records.push_back(change.record);
  undo_.push_back([&records] { records.pop_back(); });
  return true;
}

void FakeStore::check_effect(const ChatState& state, const Record& record) {
  const Effect effect = effect_of(record);
  if (!has_effect(record) && record.last_effect != state.last_effect)
    violations_.push_back("RecordAppended: names another last effect");
  if (effect.joined && find_member(state, effect.joined->user))
    violations_.push_back("RecordAppended: joins twice");
  for (const auto& member : {effect.left, effect.promoted, effect.accepted}) {
    if (member && !find_member(state, *member))
      violations_.push_back("RecordAppended: is about no member");
  }
}

bool FakeStore::write(const IdempotencyExpired& change) {
  for (auto at = keys_.begin(); at != keys_.end();) {
    const auto key = at++;
    if (key->second.created_at >= change.before) continue;
    save(keys_, std::pair(key->first));
    keys_.erase(key);
  }
  return true;
}

bool FakeStore::write(const LoginFailuresNoted& change) {
  save(login_failures_, change.counter.key);
  if (change.counter.failures == 0) {
    login_failures_.erase(change.counter.key);
  } else {
    login_failures_.insert_or_assign(change.counter.key, change.counter);
  }
  return true;
}

bool FakeStore::write(const LoginFailuresExpired& change) {
  const std::vector<LoginFailures> kept = login_failures();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i < change.keep_max && kept[i].until >= change.before) continue;
    save(login_failures_, kept[i].key);
    login_failures_.erase(kept[i].key);
  }
  return true;
}

bool FakeStore::write(const QuotaCounted& change) {
  const std::pair key{change.counter.user, change.counter.kind};
  save(quotas_, key);
  quotas_.insert_or_assign(key, change.counter);
  return true;
}

bool FakeStore::write(const QuotasExpired& change) {
  for (auto at = quotas_.begin(); at != quotas_.end();) {
    const auto counter = at++;
    if (counter->second.since >= change.before) continue;
    save(quotas_, std::pair(counter->first));
    quotas_.erase(counter);
  }
  return true;
}

bool FakeStore::write(const OutcomeNoted& change) {
  if (!keeps_outcomes_) return true;
  const SentKey key{change.chat, change.user, change.command};
  const auto chat = chats_.find(change.chat);
  const Sequence head = chat == chats_.end() ? Sequence{0} : chat->second.head;
  if (sent_.contains(key) || outcomes_.contains(key) || head != change.seen_head) return false;
  save(outcomes_, key);
  outcomes_.emplace(key, StoredOutcome{nullptr, change.refused});
  return true;
}

// ---- loads ----

Result<std::optional<ChatState>> FakeStore::load_chat(ChatId id) {
  if (load_fails()) return unavailable();
  const auto found = chats_.find(id);
  if (found == chats_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<ChatId>> FakeStore::load_personal_chat(UserId a, UserId b) {
  if (load_fails()) return unavailable();
  const auto found = pairs_.find(std::minmax(a, b));
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<User>> FakeStore::load_user(UserId id) {
  if (load_fails()) return unavailable();
  const auto found = users_.find(id);
  if (found == users_.end()) return std::nullopt;
  return found->second;
}

Result<std::optional<User>> FakeStore::load_user_by_name(std::string_view folded) {
  if (load_fails()) return unavailable();
  const auto found = names_.find(std::string(folded));
  if (found == names_.end()) return std::nullopt;
  return users_.at(found->second);
}

Result<std::vector<LoginSession>> FakeStore::load_sessions(UserId user) {
  if (load_fails()) return unavailable();
  std::vector<LoginSession> found;
  for (const auto& [id, session] : sessions_) {
    if (session.user == user) found.push_back(session);
  }
  return found;
}

Result<std::vector<LoginSession>> FakeStore::load_idle_sessions(WallTime idle_since,
                                                                std::size_t limit) {
  if (load_fails()) return unavailable();
  std::vector<LoginSession> found;
  for (const auto& [id, session] : sessions_) {
    if (found.size() == limit) break;
    if (session.last_used_at < idle_since) found.push_back(session);
  }
  return found;
}

Result<std::size_t> FakeStore::load_chat_count_of(UserId user, Entry entry) {
  if (load_fails()) return unavailable();
  std::size_t count = 0;
  for (const auto& [id, state] : chats_) {
    const auto member = std::ranges::find(state.members, user, &Member::user);
    if (member != state.members.end() && member->entry == entry) ++count;
  }
  return count;
}

Result<std::vector<Store::Sharing>> FakeStore::load_sharing(UserId user,
                                                            std::span<const UserId> others) {
  if (load_fails()) return unavailable();
  std::vector<Sharing> found(others.size());
  for (const auto& [id, state] : chats_) {
    if (std::ranges::find(state.members, user, &Member::user) == state.members.end()) continue;
    for (std::size_t i = 0; i < others.size(); ++i) {
      const auto member = std::ranges::find(state.members, others[i], &Member::user);
      if (member == state.members.end()) continue;
      found[i].any = true;
      found[i].accepted = found[i].accepted || member->accepted;
    }
  }
  return found;
}

Result<std::optional<QuotaCount>> FakeStore::load_quota(UserId user, QuotaKind kind) {
  if (load_fails()) return unavailable();
  const auto found = quotas_.find({user, kind});
  if (found == quotas_.end()) return std::nullopt;
  return found->second;
}

Result<RecordPtr> FakeStore::load_by_client_msg_id(ChatId chat, UserId from, std::string_view id) {
  if (load_fails()) return unavailable();
  const auto found = sent_.find(SentKey{chat, from, std::string(id)});
  return found == sent_.end() ? nullptr : found->second;
}

Result<std::vector<std::optional<StoredOutcome>>> FakeStore::find_outcomes(
    std::span<const CommandKey> keys) {
  if (load_fails()) return unavailable();
  std::vector<std::optional<StoredOutcome>> found(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const SentKey key{keys[i].chat, keys[i].user, keys[i].command};
    if (const auto sent = sent_.find(key); sent != sent_.end()) {
      found[i] = StoredOutcome{sent->second, std::nullopt};
    } else if (const auto other = outcomes_.find(key); other != outcomes_.end()) {
      found[i] = other->second;
    }
  }
  return found;
}

Result<std::optional<Store::CreatedUnderKey>> FakeStore::load_created_under_key(
    UserId caller, std::string_view key, WallTime not_before) {
  if (load_fails()) return unavailable();
  const auto found = keys_.find({caller, std::string(key)});
  if (found == keys_.end() || found->second.created_at < not_before) return std::nullopt;
  return CreatedUnderKey{found->second.chat, found->second.fingerprint};
}

Result<ChatNumber> FakeStore::load_last_number() {
  if (load_fails()) return unavailable();
  return ChatNumber{numbers_.empty() ? 0 : numbers_.rbegin()->first};
}

}  // namespace maru::chat::testing
