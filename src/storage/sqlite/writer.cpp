#include "storage/sqlite/writer.hpp"

#include <algorithm>
#include <variant>

#include "text/text.hpp"

namespace maru::sqlite {
namespace {

// Each cache is emptied when it is full: a miss is one look-up in an index.
constexpr std::size_t kCachedMax = 32'768;
// Idempotency keys of chat creation hold this long (product.md, "Idempotency"); a key that is older
// must not stand in the way of its next use.
constexpr std::int64_t kCreatedKeyLifetimeMs = 24LL * 60 * 60 * 1000;

[[noreturn]] void unknown(const char* what) {
  throw ContractError(ContractError::Kind::kUnknownReference, what);
}

}  // namespace

Writer::Writer(Database& database)
    : records_(database),
      ref_of_([this](const UserId& user) { return user_ref(user); }),
      insert_user_(
          database,
          "INSERT INTO users(id, name, folded_name, type, password_hash, created_at,"
          " updated_at, last_seen_at, search_name) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
      set_password_(
          database,
          "UPDATE users SET password_hash = ?2, type = ?3, updated_at = ?4 WHERE ref = ?1"),
      read_name_(database, "SELECT name FROM users WHERE ref = ?1 AND deleted_at IS NULL"),
      end_user_(
          database,
          "UPDATE users SET name = ?2, folded_name = NULL, search_name = NULL, password_hash = '',"
          " updated_at = ?3, deleted_at = ?3, ending = 1 WHERE ref = ?1"),
      count_rename_(database,
                    "INSERT INTO meta VALUES('renames', 1)"
                    " ON CONFLICT(name) DO UPDATE SET value = value + 1"),
      end_sessions_(database, "DELETE FROM sessions WHERE user = ?1"),
      finish_ending_(database, "UPDATE users SET ending = 0 WHERE ref = ?1"),
      see_user_(database,
                "UPDATE users SET last_seen_at = ?2 WHERE id = ?1"
                " AND (last_seen_at IS NULL OR last_seen_at < ?2)"),
      insert_term_(database,
                   "INSERT INTO user_terms(term, user) VALUES(?1, ?2)"
                   " ON CONFLICT DO NOTHING"),
      delete_term_(database, "DELETE FROM user_terms WHERE term = ?1 AND user = ?2"),
      insert_session_(database,
                      "INSERT INTO sessions(id, user, token, created_at, last_used_at, user_agent)"
                      " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
      touch_session_(database,
                     "UPDATE sessions SET last_used_at = ?2 WHERE id = ?1 AND last_used_at < ?2"),
      close_session_(database, "DELETE FROM sessions WHERE id = ?1"),
      insert_chat_(database,
                   "INSERT INTO chats(id, number, name, personal, archived, owner, created_at,"
                   " pair_low, pair_high, creation)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
      raise_number_(database,
                    "UPDATE meta SET value = ?1 WHERE name = 'last_number' AND value < ?1"),
      add_public_(database, "UPDATE meta SET value = value + ?1 WHERE name = 'public_groups'"),
      insert_member_(database, "INSERT INTO members VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      delete_member_(database, "DELETE FROM members WHERE chat = ?1 AND user = ?2"),
      set_role_(database, "UPDATE members SET role = ?3 WHERE chat = ?1 AND user = ?2"),
      read_chat_state_(database, "SELECT personal, archived FROM chats WHERE ref = ?1"),
      update_chat_(database, "UPDATE chats SET owner = ?2, archived = ?3 WHERE ref = ?1"),
      drop_old_key_(database,
                    "DELETE FROM created_keys WHERE caller = ?1 AND key = ?2 AND created_at < ?3"),
      insert_key_(database, "INSERT INTO created_keys VALUES(?1, ?2, ?3, ?4, ?5)"),
      // A few with each new key, so that none waits for all that a quiet month has left.
      expire_keys_(database,
                   "DELETE FROM created_keys WHERE (caller, key) IN (SELECT caller, key"
                   " FROM created_keys WHERE created_at < ?1 ORDER BY created_at LIMIT 100)"),
      note_failures_(database, "INSERT OR REPLACE INTO login_failures VALUES(?1, ?2, ?3)"),
      forget_failures_(database, "DELETE FROM login_failures WHERE key = ?1"),
      expire_failures_(database, "DELETE FROM login_failures WHERE until < ?1"),
      cap_failures_(database,
                    "DELETE FROM login_failures WHERE until <="
                    " (SELECT until FROM login_failures ORDER BY until DESC LIMIT 1 OFFSET ?1)"),
      accept_(database, "UPDATE members SET accepted = 1 WHERE chat = ?1 AND user = ?2"),
      count_quota_(database, "INSERT OR REPLACE INTO quotas VALUES(?1, ?2, ?3, ?4)"),
      expire_quotas_(database,
                     "DELETE FROM quotas WHERE (user, kind) IN (SELECT user, kind FROM quotas"
                     " WHERE since < ?1 ORDER BY since LIMIT 200)"),
      find_user_(database, "SELECT ref FROM users WHERE id = ?1"),
      find_chat_(database, "SELECT ref FROM chats WHERE id = ?1") {}

void Writer::apply(std::span<const chat::Change> batch) {
  // Not in the middle of a batch: those that are written must stay.
  if (chats_.size() >= kCachedMax) chats_.clear();
  records_.begin();
  for (const chat::Change& change : batch) {
    std::visit([this](const auto& one) { apply_change(one); }, change);
  }
  records_.flush();
}

void Writer::forget() {
  users_.clear();
  chats_.clear();
  records_.forget();
}

void Writer::apply_change(const chat::UserInserted& change) {
  const chat::User& user = change.user;
  const std::string search_name = text::name_search_query(user.name);
  insert_user_.execute(user.id, std::string_view(user.name), std::string_view(change.folded_name),
                       static_cast<int>(user.type), std::string_view(user.password_hash),
                       user.created_at, user.updated_at, user.last_seen_at,
                       std::string_view(search_name));
  add_terms(user.name, user_ref(user.id));
}

void Writer::apply_change(const chat::UserPasswordSet& change) {
  set_password_.execute(user_ref(change.user), std::string_view(change.password_hash),
                        static_cast<int>(change.type), change.updated_at);
}

void Writer::apply_change(const chat::UserEnded& change) {
  const Ref user = user_ref(change.user);
  std::string name;
  {
    Rows rows = read_name_.query(user);
    if (!rows.next()) return;  // has ended before
    name = rows.text(0);
  }
  remove_terms(name, user);
  end_user_.execute(user, std::string_view(change.tombstone_name), change.deleted_at);
  count_rename_.execute();  // readers keep names: RecordQueries
  end_sessions_.execute(user);
}

void Writer::apply_change(const chat::EndingFinished& change) {
  finish_ending_.execute(user_ref(change.user));
}

void Writer::apply_change(const chat::UserSeen& change) {
  see_user_.execute(change.user, change.at);
}

void Writer::apply_change(const chat::SessionOpened& change) {
  const chat::LoginSession& session = change.session;
  insert_session_.execute(session.id, user_ref(session.user), session.token, session.created_at,
                          session.last_used_at, std::string_view(session.user_agent));
}

void Writer::apply_change(const chat::SessionTouched& change) {
  touch_session_.execute(change.session, change.at);
}

void Writer::apply_change(const chat::SessionClosed& change) {
  close_session_.execute(change.session);
}

void Writer::apply_change(const chat::ChatInserted& change) {
  insert_chat_row(change);
  const chat::Chat& chat = change.chat;
  WrittenChat& written = chat_entry(chat.id);
  const Ref ref = written.ref;
  records_.add_chat(written, chat.updated_at);
  raise_number_.execute(chat.number);
  if (!chat.is_personal && !chat.archived) add_public_.execute(1);
  int ordinal = 0;
  for (const chat::Member& member : change.members) {
    insert_member_.execute(ref, user_ref(member.user), static_cast<int>(member.role),
                           member.joined_at, ordinal++, static_cast<int>(member.entry),
                           member.accepted);
  }
  if (!change.idempotency_key) return;
  insert_created_key({change.caller, *change.idempotency_key, chat.id,
                      change.idempotency_fingerprint, chat.created_at},
                     ref);
}

void Writer::insert_chat_row(const chat::ChatInserted& change) {
  const chat::Chat& chat = change.chat;
  std::optional<Ref> owner;
  std::optional<Ref> low;
  std::optional<Ref> high;
  if (chat.owner) owner = user_ref(*chat.owner);
  if (chat.is_personal) {
    if (change.members.size() != 2) unknown("a 1:1 has two members");
    const Ref one = user_ref(change.members[0].user);
    const Ref two = user_ref(change.members[1].user);
    low = std::min(one, two);
    high = std::max(one, two);
  }
  insert_chat_.execute(chat.id, chat.number, std::string_view(chat.name), chat.is_personal,
                       chat.archived, owner, chat.created_at, low, high,
                       Blob{encode_members(change.members, ref_of_)});
}

void Writer::insert_created_key(const chat::ChatKeyUsed& change, Ref chat) {
  const Ref caller = user_ref(change.caller);
  const std::string_view key = change.key;
  const WallTime now = change.created_at;
  drop_old_key_.execute(caller, key, WallTime{now.ms - kCreatedKeyLifetimeMs});
  insert_key_.execute(caller, key, chat, change.fingerprint, now);
}

void Writer::apply_change(const chat::ChatKeyUsed& change) {
  insert_created_key(change, chat_entry(change.chat).ref);
}

void Writer::apply_change(const chat::RecordAppended& change) {
  const chat::Record& record = *change.record;
  WrittenChat& chat = chat_entry(record.chat);
  records_.append(record, chat, ref_of_);
  if (chat::has_effect(record)) apply_effect(chat::effect_of(record), chat.ref);
}

// In the order of chat::fold.
void Writer::apply_effect(const chat::Effect& effect, Ref chat) {
  if (effect.left) delete_member_.execute(chat, user_ref(*effect.left));
  if (const auto& member = effect.joined) {
    insert_member_.execute(chat, user_ref(member->user), static_cast<int>(member->role),
                           member->joined_at, 0, static_cast<int>(member->entry), member->accepted);
  }
  if (effect.promoted) {
    set_role_.execute(chat, user_ref(*effect.promoted), static_cast<int>(chat::Role::kOwner));
  }
  if (effect.accepted) accept_.execute(chat, user_ref(*effect.accepted));
  if (effect.standing) set_standing(*effect.standing, chat);
}

void Writer::set_standing(const chat::Effect::Standing& standing, Ref chat) {
  bool personal = false;
  bool was_archived = false;
  {
    Rows rows = read_chat_state_.query(chat);
    if (!rows.next()) unknown("a change of an unknown chat");
    personal = rows.integer(0) != 0;
    was_archived = rows.integer(1) != 0;
  }
  std::optional<Ref> owner;
  if (standing.owner) owner = user_ref(*standing.owner);
  update_chat_.execute(chat, owner, standing.archived);
  if (!personal && was_archived != standing.archived)
    add_public_.execute(standing.archived ? -1 : 1);
}

void Writer::apply_change(const chat::IdempotencyExpired& change) {
  expire_keys_.execute(change.before);
}

void Writer::apply_change(const chat::LoginFailuresNoted& change) {
  const chat::LoginFailures& counter = change.counter;
  if (counter.failures == 0) return forget_failures_.execute(counter.key);
  note_failures_.execute(counter.key, counter.failures, counter.until);
}

void Writer::apply_change(const chat::LoginFailuresExpired& change) {
  expire_failures_.execute(change.before);
  cap_failures_.execute(change.keep_max);
}

void Writer::apply_change(const chat::QuotaCounted& change) {
  const chat::QuotaCount& counter = change.counter;
  count_quota_.execute(user_ref(counter.user), static_cast<int>(counter.kind), counter.since,
                       static_cast<std::int64_t>(counter.count));
}

void Writer::apply_change(const chat::QuotasExpired& change) {
  expire_quotas_.execute(change.before);
}

void Writer::add_terms(std::string_view name, Ref user) {
  for (const std::string& term : text::name_search_terms(name)) {
    insert_term_.execute(std::string_view(term), user);
  }
}

void Writer::remove_terms(std::string_view name, Ref user) {
  for (const std::string& term : text::name_search_terms(name)) {
    delete_term_.execute(std::string_view(term), user);
  }
}

Ref Writer::find_user(const UserId& id) {
  if (const auto found = users_.find(id); found != users_.end()) return found->second;
  Rows rows = find_user_.query(id);
  if (!rows.next()) return 0;
  if (users_.size() >= kCachedMax) users_.clear();
  return users_.emplace(id, rows.integer(0)).first->second;
}

Ref Writer::user_ref(const UserId& id) {
  const Ref ref = find_user(id);
  if (ref == 0) unknown("a change names an unknown user");
  return ref;
}

WrittenChat* Writer::find_chat(const ChatId& id) {
  if (const auto found = chats_.find(id); found != chats_.end()) return &found->second;
  Rows rows = find_chat_.query(id);
  if (!rows.next()) return nullptr;
  return &chats_.emplace(id, WrittenChat{rows.integer(0)}).first->second;
}

WrittenChat& Writer::chat_entry(const ChatId& id) {
  WrittenChat* chat = find_chat(id);
  if (!chat) unknown("a change names an unknown chat");
  return *chat;
}

}  // namespace maru::sqlite
