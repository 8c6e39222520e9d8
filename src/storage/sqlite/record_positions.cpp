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

const std::vector<Ref>& RecordPositions::find(Ref chat, const ChatHead& head, std::int64_t first,
                                              std::int64_t last) {
  found_.clear();
  last = std::min(last, head.sequence);
  first = std::max<std::int64_t>(first, 1);
  bool whole = first <= last;
  const std::int64_t marked = head.sequence - head.sequence % kMarkRecords;
  if (whole && last > marked) whole = walk(head, std::max(first, marked + 1), last);
  last = std::min(last, marked);
  for (std::int64_t block = (last - 1) / kMarkRecords; whole && first <= last; --block) {
    whole = add_mark(chat, block, first, last);
    last = block * kMarkRecords;
  }
  std::ranges::reverse(found_);
  return found_;
}

const std::vector<Ref>& RecordPositions::chain(Ref newest, std::int64_t count) {
  found_.clear();
  (void)walk({count, newest}, 1, count);
  std::ranges::reverse(found_);
  return found_;
}

Ref RecordPositions::previous(Ref record) {
  Rows rows = read_previous_.query(record);
  return rows.next() ? rows.integer(0) : 0;
}

// False: the chain has an end before it should.
bool RecordPositions::walk(const ChatHead& head, std::int64_t first, std::int64_t last) {
  Ref at = head.ref;
  for (std::int64_t sequence = head.sequence; sequence >= first; --sequence) {
    if (at == 0) return false;
    if (sequence <= last) found_.push_back(at);
    if (sequence > first) at = previous(at);
  }
  return true;
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
