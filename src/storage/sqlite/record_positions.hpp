// Where the records of a chat are. `records` is append-only and in the order of writing; there is
// no index over (chat, sequence), which would cost each text of an active chat a page of its own.
// Instead each record names the one of its chat before it, and every 32nd leaves a mark: the refs
// of the 32 that end with it. So a page is found by its marks, and only what is newer than the last
// one by walking back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

// Records of a mark. Part of the format of the store.
inline constexpr std::int64_t kMarkRecords = 32;

// The newest record of a chat.
struct ChatHead {
  std::int64_t sequence = 0;  // 0: there is none
  Ref ref = 0;

  // Up to which records have marks; those after it are found by walking back.
  [[nodiscard]] std::int64_t marked() const { return sequence - sequence % kMarkRecords; }
};

// What a record takes from its chat.
struct ChatKey {
  Ref ref = 0;
  ChatId id;
  ChatNumber number;
  Ref pair_low = 0;  // a 1:1: its two users; else 0
  Ref pair_high = 0;
  ChatHead head;
};

// Ascending, of one mark.
[[nodiscard]] std::string encode_mark(std::span<const Ref> refs);
// Empty for what is none.
[[nodiscard]] std::vector<Ref> decode_mark(std::string_view stored);

// Each connection has its own; throws SqliteError.
class RecordPositions {
 public:
  explicit RecordPositions(Database& database);

  // Of sequences first..last, all of which have marks; ascending. A page that reaches what is not
  // there begins after it.
  [[nodiscard]] const std::vector<Ref>& find_marked(Ref chat, std::int64_t first,
                                                    std::int64_t last);
  // Of that record and those of its chat before it, `count` or as many as there are; ascending.
  [[nodiscard]] const std::vector<Ref>& chain(Ref newest, std::int64_t count);
  // The record of the same chat that comes `count` before that one; 0: there is none.
  [[nodiscard]] Ref step_back(Ref record, std::int64_t count);

 private:
  bool add_mark(Ref chat, std::int64_t block, std::int64_t first, std::int64_t last);

  Statement read_previous_;
  Statement read_mark_;
  std::vector<Ref> found_;  // descending until it is given out
};

}  // namespace maru::sqlite
