// Appends records to the log and moves the chats' heads along. Part of Writer, inside its
// transaction.
//
// A commit costs the pages that it touches, so nothing that is written with each text may have a
// page of its own for each chat. Records come one after the other; heads of active chats lie
// together: a head is a row with a slot that grows, and one that is not among the newest slots
// moves to the end when it is written.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "chat/record.hpp"
#include "storage/sqlite/body_codec.hpp"
#include "storage/sqlite/record_positions.hpp"

namespace maru::sqlite {

// What the writer knows of a chat, kept between batches.
struct WrittenChat {
  Ref ref = 0;
  std::int64_t slot = 0;  // of its head; 0: not read yet
  ChatHead stored;        // as it is in its row
  ChatHead head;          // with the open batch
  std::int64_t text_count = 0;
  std::int64_t last_effect = 0;
  WallTime updated_at;
  bool pending = false;  // written by this batch
};

class RecordWriter {
 public:
  explicit RecordWriter(Database& database);

  void begin() { pending_.clear(); }
  // The head of a chat without records.
  void add_chat(WrittenChat& chat, WallTime at);
  // `chat` stays where it is until flush(). Throws ContractError where it is not the next.
  void append(const chat::Record& record, WrittenChat& chat, const RefOf& ref_of);
  // Writes the heads that have moved: once a batch, however many records a chat got.
  void flush();
  // What was learned in a transaction that did not commit may be untrue.
  void forget();

 private:
  void load_head(WrittenChat& chat);
  void insert(const chat::Record& record, const WrittenChat& chat, Ref ref, const RefOf& ref_of);
  void mark(const WrittenChat& chat);
  void write_head(WrittenChat& chat);
  std::int64_t newest_slot();
  Ref next_ref();

  Database& database_;
  RecordPositions positions_;
  Statement insert_record_;
  Statement insert_mark_;
  Statement insert_head_;
  Statement read_head_;
  Statement update_head_;
  Statement remove_head_;
  Statement read_newest_slot_;
  Statement read_newest_ref_;

  std::optional<std::int64_t> newest_slot_;
  std::optional<Ref> newest_ref_;
  std::vector<WrittenChat*> pending_;
};

}  // namespace maru::sqlite
