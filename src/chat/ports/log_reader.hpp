// The one door for whatever follows the log: search, webhooks, retention, export.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "chat/record.hpp"

namespace maru::chat {

// Some records in a row, and where to go on.
struct LogPage {
  std::vector<RecordPtr> records;
  std::string cursor;  // the one that was given, if there is nothing behind it yet
};

// Every record that is durable comes exactly once, those of a chat in the order of their sequence.
// A cursor is opaque, lasts for ever (its follower stores it with what it made of the records), and
// means this store only.
//
// One thread, the follower's own. Blocks on the disk.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // At most `limit` records after `cursor`; empty: from the first one on. Errors: kUnavailable;
  // kValidationFailed for a cursor that is none.
  [[nodiscard]] virtual Result<LogPage> read(std::string_view cursor, std::size_t limit) = 0;
};

}  // namespace maru::chat
