// Reads records. Each connection has its own; throws SqliteError.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/ports.hpp"
#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

// What a record takes from its chat.
struct ChatKey {
  Ref ref = 0;
  ChatId id;
  ChatNumber number;
  Ref pair_low = 0;  // a 1:1: its two users; else 0
  Ref pair_high = 0;
};

class RecordQueries {
 public:
  explicit RecordQueries(Database& database);

  std::optional<ChatKey> find_chat_key(ChatId id);
  // Ascending; at most 4,096 whatever `limit` says.
  std::vector<chat::RecordPtr> read(const ChatKey& chat, chat::RecordRange range, Sequence anchor,
                                    std::size_t limit);
  // The same records, in one Record that is filled anew for each.
  void visit(const ChatKey& chat, chat::RecordRange range, Sequence anchor, std::size_t limit,
             const chat::Snapshot::RecordVisitor& visit);
  chat::RecordPtr find_by_client_msg_id(ChatId chat, UserId from, std::string_view id);  // or null

 private:
  void read_down(const ChatKey& chat, std::int64_t below, std::size_t limit,
                 std::vector<chat::RecordPtr>& out);
  void read_up(const ChatKey& chat, std::int64_t above, std::size_t limit,
               std::vector<chat::RecordPtr>& out);
  std::int64_t head(const ChatKey& chat);
  static std::int64_t start_around(std::int64_t head, std::int64_t anchor, std::size_t limit);
  chat::RecordPtr read_record(const Rows& rows, const ChatKey& chat);
  // Into a fresh record or one that was read before.
  void fill_record(const Rows& rows, const ChatKey& chat, chat::Record& record);
  void fill_text(const Rows& rows, const ChatKey& chat, chat::Record& record);
  void fill_system(const Rows& rows, chat::SystemBody& body, chat::Record& record);
  const chat::UserBrief& user(Ref ref);

  Statement find_chat_key_;
  Statement read_head_;
  Statement read_down_;
  Statement read_up_;
  Statement find_by_client_msg_id_;
  Statement find_user_;
  // A page has few writers: each is read once a call.
  std::unordered_map<Ref, chat::UserBrief> users_;
  chat::Record scratch_;  // visit()'s
};

}  // namespace maru::sqlite
