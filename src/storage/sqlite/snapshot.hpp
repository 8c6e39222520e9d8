// chat::Snapshot on one read-only connection. The reader thread that owns it alone.
#pragma once

#include <optional>

#include "chat/ports/snapshot.hpp"
#include "storage/sqlite/chat_queries.hpp"
#include "storage/sqlite/errors.hpp"
#include "storage/sqlite/options.hpp"
#include "storage/sqlite/record_queries.hpp"
#include "storage/sqlite/user_queries.hpp"

namespace maru::sqlite {

class SqliteSnapshot final : public chat::Snapshot {
 public:
  // Opens the connection; throws SqliteError.
  explicit SqliteSnapshot(const StoreOptions& options);

  // Around each query: one read transaction. When it cannot be begun, every call of the query is
  // answered kUnavailable.
  void begin();
  void end();

  [[nodiscard]] std::uint64_t rows_read() const override {
    return database_.rows_read() - rows_before_;
  }
  Result<std::optional<chat::SessionUser>> find_session(const TokenHash& token) override;
  Result<std::vector<chat::LoginSession>> list_sessions(UserId user) override;
  Result<std::optional<chat::User>> find_user(UserId id) override;
  Result<std::optional<chat::User>> find_user_by_name(std::string_view folded) override;
  Result<std::vector<chat::UserBrief>> find_users(std::span<const UserId> ids) override;
  Result<std::vector<chat::UserBrief>> search_users(std::string_view query,
                                                    std::size_t limit) override;
  Result<std::vector<UserId>> list_ending(std::size_t limit) override;
  Result<std::vector<chat::LoginFailures>> load_login_failures(std::size_t limit) override;
  Result<std::optional<chat::ChatDocument>> find_chat(ChatId id) override;
  Result<std::optional<chat::ChatHeader>> find_chat_header(ChatId id) override;
  Result<std::optional<chat::ChatDocument>> find_chat_by_number(ChatNumber number) override;
  Result<bool> is_member(ChatId chat, UserId user) override;
  Result<std::vector<UserId>> filter_sharing_chat(UserId user,
                                                  std::span<const UserId> others) override;
  Result<chat::ChatPage> list_public_groups(std::size_t page, std::size_t limit) override;
  Result<chat::ChatPage> list_personal_chats(UserId user, std::size_t page,
                                             std::size_t limit) override;
  Result<std::vector<chat::ChatDocument>> list_group_chats(UserId user, std::size_t limit) override;
  // A cursor that is none of ours: kValidationFailed (field cursor).
  Result<chat::MyChatPage> list_my_chats(UserId user, std::string_view cursor,
                                         std::size_t limit) override;
  Result<chat::MembershipPage> list_memberships(UserId user, std::string_view cursor,
                                                std::size_t limit) override;
  Result<Sequence> head(ChatId chat) override;
  Result<std::vector<chat::RecordPtr>> read_records(ChatId chat, chat::RecordRange range,
                                                    Sequence anchor, std::size_t limit) override;
  Result<void> visit_records(ChatId chat, chat::RecordRange range, Sequence anchor,
                             std::size_t limit, const RecordVisitor& visit) override;

 private:
  std::optional<ChatKey> find_key(ChatId chat);
  template <class Body>
  auto run(Body&& body) -> Result<decltype(body())>;

  Edge begins_;
  Edge reads_;
  Database database_;
  UserQueries users_;
  ChatQueries chats_;
  RecordQueries records_;
  std::uint64_t rows_before_ = 0;  // this view
  std::optional<Error> broken_;
  std::optional<ChatKey> key_;  // in this view, of the header that was read last
};

}  // namespace maru::sqlite
