#include "storage/sqlite/record_positions.hpp"

#include <algorithm>

#include "storage/sqlite/body_codec.hpp"

namespace maru::sqlite {

// The first ref, and how far each lies behind the one before it.
std::string encode_mark(std::span<const Ref> refs) {
  std::string out;
  Ref before = 0;
  for (const Ref ref : refs) {
    append_number(out, static_cast<std::uint64_t>(ref - before));
    before = ref;
  }
  return out;
}

std::vector<Ref> decode_mark(std::string_view stored) {
  std::vector<Ref> refs;
  refs.reserve(kMarkRecords);
  Ref before = 0;
  while (!stored.empty()) {
    before += static_cast<Ref>(take_number(stored));
    refs.push_back(before);
  }
  if (refs.size() != kMarkRecords) refs.clear();
  return refs;
}

RecordPositions::RecordPositions(Database& database)
    : read_previous_(database, "SELECT previous FROM records WHERE ref = ?1"),
      read_mark_(database, "SELECT refs FROM marks WHERE chat = ?1 AND block = ?2") {}

const std::vector<Ref>& RecordPositions::find_marked(Ref chat, std::int64_t first,
                                                     std::int64_t last) {
  found_.clear();
  for (std::int64_t block = (last - 1) / kMarkRecords; first <= last; --block) {
    if (!add_mark(chat, block, first, last)) break;
    last = block * kMarkRecords;
  }
  std::ranges::reverse(found_);
  return found_;
}

const std::vector<Ref>& RecordPositions::chain(Ref newest, std::int64_t count) {
  found_.clear();
  for (Ref at = newest; at != 0 && count > 0; --count) {
    found_.push_back(at);
    at = step_back(at, 1);
  }
  std::ranges::reverse(found_);
  return found_;
}

Ref RecordPositions::step_back(Ref record, std::int64_t count) {
  for (; count > 0 && record != 0; --count) {
    Rows rows = read_previous_.query(record);
    record = rows.next() ? rows.integer(0) : 0;
  }
  return record;
}

bool RecordPositions::add_mark(Ref chat, std::int64_t block, std::int64_t first,
                               std::int64_t last) {
  Rows rows = read_mark_.query(chat, block);
  const std::vector<Ref> refs = rows.next() ? decode_mark(rows.blob(0)) : std::vector<Ref>();
  if (refs.empty()) return false;
  const std::int64_t start = block * kMarkRecords;
  for (std::int64_t sequence = last; sequence >= std::max(first, start + 1); --sequence) {
    found_.push_back(refs[static_cast<std::size_t>(sequence - start - 1)]);
  }
  return true;
}

}  // namespace maru::sqlite
