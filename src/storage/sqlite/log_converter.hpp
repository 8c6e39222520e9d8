// Plays the records of a version 3 store again and writes them as version 4 has them. Part of the
// rebuild; throws SqliteError.
//
// Version 3 did not keep whom a chat began with, nor what a join or leave made of the chat. Both
// follow from what it did keep: whoever leaves without having joined was there from the beginning,
// and owner and archive follow the rules of chat/membership.hpp, which have not changed since.
// Where more than one of the first members has gone, their order among themselves is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "chat/fold.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/record_positions.hpp"
#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

class LogConverter {
 public:
  // `database` is the new store, with the old one attached as `old`; its tables but records, heads
  // and marks are filled.
  explicit LogConverter(Database& database) : database_(database) {}

  // In this order. `progress` hears how many records are done.
  void find_creations();
  void write_creations();
  void copy_records(const std::function<void(std::int64_t)>& progress);
  void write_heads();
  void settle();

 private:
  struct Chat {
    chat::ChatState state;   // users as stand-ins
    std::vector<Ref> began;  // those of the beginning who have gone, as they went
    ChatHead last;
    std::vector<Ref> run;  // since the last mark
  };
  // By their place among the first ones.
  using FirstMembers = std::vector<std::pair<std::int64_t, chat::Member>>;

  void load_chats();
  void load_members();
  void find_gone();
  static void begin(Chat& chat, const FirstMembers& stayed);
  static chat::RecordBody body_of(const Rows& rows, const chat::ChatState& state);
  void write_state(Ref ref, const chat::ChatState& state);

  Database& database_;
  std::unordered_map<Ref, Chat> chats_;
};

}  // namespace maru::sqlite
