#include "storage/sqlite/chat_queries.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#define MARU_CHAT_COLUMNS                                                               \
  "c.ref, c.id, c.number, c.name, c.personal, c.archived, o.id, o.name, c.created_at, " \
  "h.updated_at, h.sequence, h.text_count, h.last_effect"
#define MARU_CHAT_TABLES \
  " FROM chats c JOIN heads h ON h.chat = c.ref LEFT JOIN users o ON o.ref = c.owner "
#define MARU_REF_OF_USER "(SELECT ref FROM users WHERE id = ?1)"
#define MARU_CHATS_OF_USER \
  " FROM members m CROSS JOIN chats c ON c.ref = m.chat WHERE m.user = " MARU_REF_OF_USER

namespace maru::sqlite {
namespace {

constexpr int kChatColumns = 13;  // of MARU_CHAT_COLUMNS

std::vector<Ref> read_refs(Rows& rows) {
  std::vector<Ref> refs;
  while (rows.next()) refs.push_back(rows.integer(0));
  return refs;
}

struct Window {
  std::int64_t offset = 0;
  std::int64_t count = 0;  // 0: the page lies behind the end
};

Window page_window(std::uint64_t total, std::size_t page, std::size_t limit) {
  const std::uint64_t before = page > 0 ? page - 1 : 0;
  if (limit == 0 || before > total / limit) return {};
  const std::uint64_t offset = before * limit;
  const std::uint64_t count = std::min<std::uint64_t>(limit, total - std::min(offset, total));
  return {static_cast<std::int64_t>(offset), static_cast<std::int64_t>(count)};
}

}  // namespace

ChatQueries::ChatQueries(Database& database)
    : find_(database, "SELECT " MARU_CHAT_COLUMNS MARU_CHAT_TABLES "WHERE c.id = ?1"),
      find_header_(database, "SELECT " MARU_CHAT_COLUMNS
                             ", c.pair_low, c.pair_high, h.ref" MARU_CHAT_TABLES "WHERE c.id = ?1"),
      find_by_number_(database, "SELECT " MARU_CHAT_COLUMNS MARU_CHAT_TABLES "WHERE c.number = ?1"),
      find_by_ref_(database, "SELECT " MARU_CHAT_COLUMNS MARU_CHAT_TABLES "WHERE c.ref = ?1"),
      list_members_(database,
                    "SELECT u.id, u.name, m.role, m.joined_at, m.entry, m.accepted,"
                    " u.deleted_at IS NOT NULL FROM members m"
                    " JOIN users u ON u.ref = m.user WHERE m.chat = ?1"
                    " ORDER BY m.joined_at, m.ordinal"),
      find_personal_(database,
                     "SELECT c.id FROM users a, users b, chats c WHERE a.id = ?1 AND b.id = ?2"
                     " AND c.pair_low = min(a.ref, b.ref) AND c.pair_high = max(a.ref, b.ref)"),
      list_refs_of_(database, "SELECT chat FROM members WHERE user = " MARU_REF_OF_USER),
      count_of_(database,
                "SELECT count(*) FROM members WHERE user = " MARU_REF_OF_USER " AND entry = ?2"),
      find_accepted_(
          database, "SELECT accepted FROM members WHERE user = " MARU_REF_OF_USER " AND chat = ?2"),
      find_quota_(database, "SELECT since, count FROM quotas WHERE user = " MARU_REF_OF_USER
                            " AND kind = ?2"),
      find_created_(database,
                    "SELECT c.id, k.fingerprint FROM created_keys k JOIN chats c ON c.ref = k.chat"
                    " WHERE k.caller = " MARU_REF_OF_USER " AND k.key = ?2 AND k.created_at >= ?3"),
      is_member_(database, "SELECT 1 FROM members WHERE user = " MARU_REF_OF_USER
                           " AND chat = (SELECT ref FROM chats WHERE id = ?2)"),
      head_(database,
            "SELECT h.sequence FROM chats c JOIN heads h ON h.chat = c.ref WHERE c.id = ?1"),
      count_public_(database, "SELECT value FROM meta WHERE name = 'public_groups'"),
      list_public_newest_(database,
                          "SELECT ref FROM chats WHERE personal = 0 AND archived = 0"
                          " ORDER BY number DESC LIMIT ?1 OFFSET ?2"),
      list_public_oldest_(database,
                          "SELECT ref FROM chats WHERE personal = 0 AND archived = 0"
                          " ORDER BY number LIMIT ?1 OFFSET ?2"),
      count_personal_(database, "SELECT count(*)" MARU_CHATS_OF_USER " AND c.personal = 1"),
      list_personal_(database, "SELECT c.ref" MARU_CHATS_OF_USER
                               " AND c.personal = 1 ORDER BY c.number DESC LIMIT ?2 OFFSET ?3"),
      list_groups_(database, "SELECT c.ref" MARU_CHATS_OF_USER
                             " AND c.personal = 0 ORDER BY c.number DESC LIMIT ?2"),
      list_after_(database,
                  "SELECT c.ref" MARU_CHATS_OF_USER " AND c.id > ?2 ORDER BY c.id LIMIT ?3"),
      list_memberships_(database, "SELECT c.id, m.role" MARU_CHATS_OF_USER
                                  " AND c.id > ?2 ORDER BY c.id LIMIT ?3") {}

ChatQueries::Loaded ChatQueries::read_chat(const Rows& rows) {
  Loaded loaded;
  chat::Chat& chat = loaded.document.chat;
  loaded.ref = rows.integer(0);
  chat.id = rows.id<ChatId>(1);
  chat.number = {rows.integer(2)};
  chat.name = rows.text(3);
  chat.is_personal = rows.integer(4) != 0;
  chat.archived = rows.integer(5) != 0;
  if (!rows.is_null(6)) {
    chat.owner = rows.id<UserId>(6);
    loaded.document.owner_name = rows.text(7);
  }
  chat.created_at = rows.time(8);
  chat.updated_at = rows.time(9);
  loaded.document.head.value = static_cast<std::uint64_t>(rows.integer(10));
  loaded.text_count = static_cast<std::uint64_t>(rows.integer(11));
  loaded.last_effect.value = static_cast<std::uint64_t>(rows.integer(12));
  return loaded;
}

std::optional<ChatQueries::Loaded> ChatQueries::load(ChatId id) {
  std::optional<Loaded> loaded;
  {
    Rows rows = find_.query(id);
    if (!rows.next()) return std::nullopt;
    loaded = read_chat(rows);
  }
  loaded->document.members = load_members(loaded->ref);
  return loaded;
}

std::vector<chat::Member> ChatQueries::load_members(Ref chat) {
  std::vector<chat::Member> members;
  Rows rows = list_members_.query(chat);
  while (rows.next()) {
    members.push_back({rows.id<UserId>(0),
                       std::string(rows.text(1)),
                       static_cast<chat::Role>(rows.integer(2)),
                       {static_cast<std::uint64_t>(rows.integer(3))},
                       static_cast<chat::Entry>(rows.integer(4)),
                       rows.integer(5) != 0,
                       rows.integer(6) != 0});
  }
  return members;
}

std::vector<chat::ChatDocument> ChatQueries::load_documents(std::span<const Ref> refs) {
  std::vector<chat::ChatDocument> documents;
  documents.reserve(refs.size());
  for (const Ref ref : refs) {
    {
      Rows rows = find_by_ref_.query(ref);
      if (!rows.next()) continue;
      documents.push_back(read_chat(rows).document);
    }
    documents.back().members = load_members(ref);
  }
  return documents;
}

std::optional<chat::ChatState> ChatQueries::load_state(ChatId id) {
  std::optional<Loaded> loaded = load(id);
  if (!loaded) return std::nullopt;
  chat::ChatDocument& document = loaded->document;
  return chat::ChatState{std::move(document.chat), std::move(document.members), document.head,
                         loaded->text_count, loaded->last_effect};
}

std::optional<ChatId> ChatQueries::find_personal(UserId a, UserId b) {
  Rows rows = find_personal_.query(a, b);
  if (!rows.next()) return std::nullopt;
  return rows.id<ChatId>(0);
}

std::size_t ChatQueries::count_of(UserId user, chat::Entry entry) {
  Rows rows = count_of_.query(user, static_cast<int>(entry));
  return rows.next() ? static_cast<std::size_t>(rows.integer(0)) : 0;
}

std::vector<chat::Store::Sharing> ChatQueries::load_sharing(UserId user,
                                                            std::span<const UserId> others) {
  std::unordered_set<Ref> mine;
  {
    Rows rows = list_refs_of_.query(user);
    while (rows.next()) mine.insert(rows.integer(0));
  }
  std::vector<chat::Store::Sharing> found;
  found.reserve(others.size());
  for (const UserId& other : others) found.push_back(load_sharing_with(mine, other));
  return found;
}

chat::Store::Sharing ChatQueries::load_sharing_with(const std::unordered_set<Ref>& mine,
                                                    UserId other) {
  // Who has few chats is looked up in each; else the other's list is read, which is cheaper a chat.
  constexpr std::size_t kFew = 32;
  chat::Store::Sharing sharing;
  const auto look = [&](Ref chat) {
    Rows rows = find_accepted_.query(other, chat);
    if (!rows.next()) return;
    sharing.any = true;
    sharing.accepted = sharing.accepted || rows.integer(0) != 0;
  };
  if (mine.size() <= kFew) {
    for (const Ref chat : mine) {
      look(chat);
      if (sharing.accepted) break;
    }
    return sharing;
  }
  Rows rows = list_refs_of_.query(other);
  while (!sharing.accepted && rows.next()) {
    const Ref chat = rows.integer(0);
    if (mine.contains(chat)) look(chat);
  }
  return sharing;
}

std::optional<chat::QuotaCount> ChatQueries::find_quota(UserId user, chat::QuotaKind kind) {
  Rows rows = find_quota_.query(user, static_cast<int>(kind));
  if (!rows.next()) return std::nullopt;
  return chat::QuotaCount{user, kind, rows.time(0), static_cast<std::uint32_t>(rows.integer(1))};
}

std::optional<chat::Store::CreatedUnderKey> ChatQueries::find_created_under_key(
    UserId caller, std::string_view key, WallTime not_before) {
  Rows rows = find_created_.query(caller, key, not_before);
  if (!rows.next()) return std::nullopt;
  return chat::Store::CreatedUnderKey{rows.id<ChatId>(0),
                                      static_cast<std::uint64_t>(rows.integer(1))};
}

std::optional<chat::ChatDocument> ChatQueries::find(ChatId id) {
  std::optional<Loaded> loaded = load(id);
  if (!loaded) return std::nullopt;
  return std::move(loaded->document);
}

std::optional<ChatQueries::Header> ChatQueries::find_header(ChatId id) {
  Rows rows = find_header_.query(id);
  if (!rows.next()) return std::nullopt;
  Loaded loaded = read_chat(rows);
  chat::Chat& chat = loaded.document.chat;
  const Sequence head = loaded.document.head;
  Header found;
  found.key = {loaded.ref,
               chat.id,
               chat.number,
               rows.integer(kChatColumns),
               rows.integer(kChatColumns + 1),
               {static_cast<std::int64_t>(head.value), rows.integer(kChatColumns + 2)}};
  found.header = {std::move(chat), head, loaded.last_effect};
  return found;
}

std::optional<chat::ChatDocument> ChatQueries::find_by_number(ChatNumber number) {
  std::optional<Loaded> loaded;
  {
    Rows rows = find_by_number_.query(number);
    if (!rows.next()) return std::nullopt;
    loaded = read_chat(rows);
  }
  loaded->document.members = load_members(loaded->ref);
  return std::move(loaded->document);
}

bool ChatQueries::is_member(ChatId chat, UserId user) {
  Rows rows = is_member_.query(user, chat);
  return rows.next();
}

std::vector<UserId> ChatQueries::filter_sharing(UserId user, std::span<const UserId> others) {
  std::unordered_set<Ref> mine;
  {
    Rows rows = list_refs_of_.query(user);
    while (rows.next()) mine.insert(rows.integer(0));
  }
  std::vector<UserId> sharing;
  if (mine.empty()) return sharing;
  for (const UserId& other : others) {
    Rows rows = list_refs_of_.query(other);
    bool shares = false;
    while (!shares && rows.next()) shares = mine.contains(rows.integer(0));
    if (shares) sharing.push_back(other);
  }
  return sharing;
}

Sequence ChatQueries::head(ChatId chat) {
  Rows rows = head_.query(chat);
  return {rows.next() ? static_cast<std::uint64_t>(rows.integer(0)) : 0};
}

chat::ChatPage ChatQueries::list_public_groups(std::size_t page, std::size_t limit) {
  chat::ChatPage result;
  {
    Rows rows = count_public_.query();
    if (rows.next()) result.total = static_cast<std::uint64_t>(rows.integer(0));
  }
  const Window window = page_window(result.total, page, limit);
  if (window.count == 0) return result;
  const auto total = static_cast<std::int64_t>(result.total);
  std::vector<Ref> refs;
  if (window.offset <= total / 2) {
    Rows rows = list_public_newest_.query(window.count, window.offset);
    refs = read_refs(rows);
  } else {
    // Skipping costs a step per entry: from the nearer end.
    Rows rows = list_public_oldest_.query(window.count, total - window.offset - window.count);
    refs = read_refs(rows);
    std::ranges::reverse(refs);
  }
  result.chats = load_documents(refs);
  return result;
}

chat::ChatPage ChatQueries::list_personal(UserId user, std::size_t page, std::size_t limit) {
  chat::ChatPage result;
  {
    Rows rows = count_personal_.query(user);
    if (rows.next()) result.total = static_cast<std::uint64_t>(rows.integer(0));
  }
  const Window window = page_window(result.total, page, limit);
  if (window.count == 0) return result;
  std::vector<Ref> refs;
  {
    Rows rows = list_personal_.query(user, window.count, window.offset);
    refs = read_refs(rows);
  }
  result.chats = load_documents(refs);
  return result;
}

std::vector<chat::ChatDocument> ChatQueries::list_groups(UserId user, std::size_t limit) {
  std::vector<Ref> refs;
  {
    Rows rows = list_groups_.query(user, limit);
    refs = read_refs(rows);
  }
  return load_documents(refs);
}

std::vector<chat::ChatDocument> ChatQueries::list_of(UserId user, const ChatId& after,
                                                     std::size_t limit) {
  std::vector<Ref> refs;
  {
    Rows rows = list_after_.query(user, after, limit);
    refs = read_refs(rows);
  }
  return load_documents(refs);
}

std::vector<chat::Membership> ChatQueries::list_memberships(UserId user, const ChatId& after,
                                                            std::size_t limit) {
  std::vector<chat::Membership> memberships;
  Rows rows = list_memberships_.query(user, after, limit);
  while (rows.next()) {
    memberships.push_back({rows.id<ChatId>(0), static_cast<chat::Role>(rows.integer(1))});
  }
  return memberships;
}

}  // namespace maru::sqlite
