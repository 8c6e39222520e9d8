// Reads records. Each connection has its own; throws SqliteError.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/ports/snapshot.hpp"
#include "storage/sqlite/body_codec.hpp"
#include "storage/sqlite/record_positions.hpp"

namespace maru::sqlite {

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
  // Of all chats, those written after that one. The last one's ref; 0: there is none.
  Ref read_log(Ref after, std::size_t limit, std::vector<chat::RecordPtr>& out);
  chat::RecordPtr find_by_client_msg_id(ChatId chat, UserId from, std::string_view id);  // or null

 private:
  const ChatKey& chat_key(Ref ref);
  // What that range is of the chat: sequences first..last, none if first > last.
  struct Span {
    std::int64_t first = 1;
    std::int64_t last = 0;
  };
  Rows query_together(std::span<const Ref> refs);
  // Reads first..last, which have no marks, into tail_, the newest first. False: not all are there.
  bool read_tail(const ChatKey& chat, std::int64_t first, std::int64_t last);
  static Span span_of(const ChatHead& head, chat::RecordRange range, Sequence anchor,
                      std::size_t limit);
  chat::RecordPtr read_record(const Rows& rows, const ChatKey& chat);
  // Into a fresh record or one that was read before.
  void fill_record(const Rows& rows, const ChatKey& chat, chat::Record& record);
  void fill_other(const Rows& rows, const ChatKey& chat, chat::Record& record);
  void fill_text(const Rows& rows, chat::Record& record);
  [[nodiscard]] const std::string& name_of(const UserId& id) const;  // named by that body
  // Before each call that names users.
  void refresh_users();
  const chat::UserBrief& user(Ref ref);

  RecordPositions positions_;
  Statement find_chat_key_;
  Statement find_chat_key_by_ref_;
  Statement read_log_;
  Statement read_together_;
  Statement read_;
  Statement find_by_client_msg_id_;
  Statement find_user_;
  Statement count_renames_;
  const UserOf user_of_;
  // Of read_log(): what never changes of a chat.
  std::unordered_map<Ref, ChatKey> chats_;
  // Whoever wrote a page writes the next one. Right as long as nobody is renamed.
  std::unordered_map<Ref, chat::UserBrief> users_;
  std::optional<std::int64_t> users_as_of_;    // so many had been
  std::vector<const chat::UserBrief*> named_;  // by the body that is decoded
  // visit()'s, kept for their room.
  chat::Record scratch_;
  std::vector<chat::Record> tail_;
  std::size_t tail_size_ = 0;
};

}  // namespace maru::sqlite
