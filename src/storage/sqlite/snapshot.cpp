#include "storage/sqlite/snapshot.hpp"

#include <sqlite3.h>

#include <string>
#include <utility>

#include "storage/sqlite/data_directory.hpp"

namespace maru::sqlite {
namespace {

void configure(Database& database, const StoreOptions& options) {
  // A reader waits for a lock only while the log is recovered or a tool of somebody's holds it.
  sqlite3_busy_timeout(database.handle(), 1000);
  const std::string sql =
      "PRAGMA query_only=ON; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY;"
      "PRAGMA cache_size=-" +
      std::to_string(options.reader_cache_bytes / 1024) +
      "; PRAGMA mmap_size=" + std::to_string(options.reader_map_bytes);
  database.execute(sql.c_str());
}

// The cursor is the last page's last chat id; zero: from the first.
Result<ChatId> decode_cursor(std::string_view cursor) {
  if (cursor.empty()) return ChatId();
  const auto parsed = ChatId::parse(cursor);
  if (!parsed) return fail_field("cursor", "format", "The cursor is not one of an earlier page.");
  return *parsed;
}

}  // namespace

SqliteSnapshot::SqliteSnapshot(const StoreOptions& options)
    : begins_(options.fatal),
      reads_(options.fatal),
      database_(database_path(options.data_dir).string(), OpenMode::kReadOnly, options.vfs),
      users_(database_),
      chats_(database_),
      records_(database_) {
  configure(database_, options);
}

void SqliteSnapshot::begin() {
  broken_.reset();
  key_.reset();
  rows_before_ = database_.rows_read();
  const auto begun = begins_.run([&] {
    database_.begin_read();
    return true;
  });
  if (!begun) broken_ = begun.error();
}

void SqliteSnapshot::end() {
  database_.end_read();
}

template <class Body>
auto SqliteSnapshot::run(Body&& body) -> Result<decltype(body())> {
  if (broken_) return std::unexpected(*broken_);
  return reads_.run(std::forward<Body>(body));
}

Result<std::optional<chat::SessionUser>> SqliteSnapshot::find_session(const TokenHash& token) {
  return run([&] { return users_.find_session(token); });
}

Result<std::vector<chat::LoginSession>> SqliteSnapshot::list_sessions(UserId user) {
  return run([&] { return users_.list_sessions(user); });
}

Result<std::optional<chat::User>> SqliteSnapshot::find_user(UserId id) {
  return run([&] { return users_.find(id); });
}

Result<std::optional<chat::User>> SqliteSnapshot::find_user_by_name(std::string_view folded) {
  return run([&] { return users_.find_by_name(folded); });
}

Result<std::vector<chat::UserBrief>> SqliteSnapshot::find_users(std::span<const UserId> ids) {
  return run([&] { return users_.find_briefs(ids); });
}

Result<std::vector<chat::UserBrief>> SqliteSnapshot::search_users(std::string_view query,
                                                                  std::size_t limit) {
  return run([&] { return users_.search(query, limit); });
}

Result<std::vector<UserId>> SqliteSnapshot::list_ending(std::size_t limit) {
  return run([&] { return users_.list_ending(limit); });
}

Result<std::vector<chat::LoginFailures>> SqliteSnapshot::load_login_failures(std::size_t limit) {
  return run([&] { return users_.list_login_failures(limit); });
}

Result<std::optional<chat::ChatDocument>> SqliteSnapshot::find_chat(ChatId id) {
  return run([&] { return chats_.find(id); });
}

Result<std::optional<chat::ChatHeader>> SqliteSnapshot::find_chat_header(ChatId id) {
  return run([&]() -> std::optional<chat::ChatHeader> {
    auto found = chats_.find_header(id);
    if (!found) return std::nullopt;
    key_ = found->key;
    return std::move(found->header);
  });
}

std::optional<ChatKey> SqliteSnapshot::find_key(ChatId chat) {
  if (key_ && key_->id == chat) return key_;
  return records_.find_chat_key(chat);
}

Result<std::optional<chat::ChatDocument>> SqliteSnapshot::find_chat_by_number(ChatNumber number) {
  return run([&] { return chats_.find_by_number(number); });
}

Result<bool> SqliteSnapshot::is_member(ChatId chat, UserId user) {
  return run([&] { return chats_.is_member(chat, user); });
}

Result<std::vector<UserId>> SqliteSnapshot::filter_sharing_chat(UserId user,
                                                                std::span<const UserId> others) {
  return run([&] { return chats_.filter_sharing(user, others); });
}

Result<chat::ChatPage> SqliteSnapshot::list_public_groups(std::size_t page, std::size_t limit) {
  return run([&] { return chats_.list_public_groups(page, limit); });
}

Result<chat::ChatPage> SqliteSnapshot::list_personal_chats(UserId user, std::size_t page,
                                                           std::size_t limit) {
  return run([&] { return chats_.list_personal(user, page, limit); });
}

Result<std::vector<chat::ChatDocument>> SqliteSnapshot::list_group_chats(UserId user,
                                                                         std::size_t limit) {
  return run([&] { return chats_.list_groups(user, limit); });
}

Result<chat::MyChatPage> SqliteSnapshot::list_my_chats(UserId user, std::string_view cursor,
                                                       std::size_t limit) {
  const auto after = decode_cursor(cursor);
  if (!after) return std::unexpected(after.error());
  return run([&] {
    chat::MyChatPage page;
    if (limit == 0) return page;
    std::vector<chat::ChatDocument> documents = chats_.list_of(user, *after, limit + 1);
    if (documents.size() > limit) {
      documents.pop_back();
      page.cursor = documents.back().chat.id.hex();
    }
    for (chat::ChatDocument& document : documents) {
      chat::RecordPtr last;
      if (const auto key = records_.find_chat_key(document.chat.id)) {
        std::vector<chat::RecordPtr> newest =
            records_.read(*key, chat::RecordRange::kNewest, {}, 1);
        if (!newest.empty()) last = std::move(newest.front());
      }
      page.chats.push_back({std::move(document), std::move(last)});
    }
    return page;
  });
}

Result<chat::MembershipPage> SqliteSnapshot::list_memberships(UserId user, std::string_view cursor,
                                                              std::size_t limit) {
  const auto after = decode_cursor(cursor);
  if (!after) return std::unexpected(after.error());
  return run([&] {
    chat::MembershipPage page;
    if (limit == 0) return page;
    page.chats = chats_.list_memberships(user, *after, limit + 1);
    if (page.chats.size() > limit) {
      page.chats.pop_back();
      page.cursor = page.chats.back().chat.hex();
    }
    return page;
  });
}

Result<Sequence> SqliteSnapshot::head(ChatId chat) {
  return run([&] { return chats_.head(chat); });
}

Result<std::vector<chat::RecordPtr>> SqliteSnapshot::read_records(ChatId chat,
                                                                  chat::RecordRange range,
                                                                  Sequence anchor,
                                                                  std::size_t limit) {
  return run([&] {
    const auto key = find_key(chat);
    if (!key) return std::vector<chat::RecordPtr>();
    return records_.read(*key, range, anchor, limit);
  });
}

Result<void> SqliteSnapshot::visit_records(ChatId chat, chat::RecordRange range, Sequence anchor,
                                           std::size_t limit, const RecordVisitor& visit) {
  const auto visited = run([&] {
    if (const auto key = find_key(chat)) {
      records_.visit(*key, range, anchor, limit, visit);
    }
    return true;
  });
  if (!visited) return std::unexpected(visited.error());
  return {};
}

}  // namespace maru::sqlite
