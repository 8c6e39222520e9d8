// What is read of a chat's records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/error.hpp"
#include "chat/record.hpp"

namespace maru::chat {

enum class RecordRange : std::uint8_t {
  kNewest,  // the newest `limit`
  kBefore,  // the newest `limit` with sequence < anchor
  kAfter,   // the oldest `limit` with sequence > anchor
  kAround,  // about half on each side of anchor, anchor included
};

// Reader thread only, within one snapshot (snapshot.hpp). Blocks on the disk. Errors: kUnavailable.
class RecordReads {
 public:
  virtual ~RecordReads() = default;

  virtual Result<Sequence> head(ChatId chat) = 0;  // 0: no record or no chat
  // Ascending.
  virtual Result<std::vector<RecordPtr>> read_records(ChatId chat, RecordRange range,
                                                      Sequence anchor, std::size_t limit) = 0;
  // The same records one by one, ascending. The record is the visitor's for the call only.
  using RecordVisitor = std::function<void(const Record& record)>;
  virtual Result<void> visit_records(ChatId chat, RecordRange range, Sequence anchor,
                                     std::size_t limit, const RecordVisitor& visit) {
    const auto records = read_records(chat, range, anchor, limit);
    if (!records) return std::unexpected(records.error());
    for (const RecordPtr& record : *records) visit(*record);
    return {};
  }
};

}  // namespace maru::chat
