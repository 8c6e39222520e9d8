// A page of history as a JSON array, at most kHistoryPageBytesMax long: a thousand long messages
// are four times that, and most of them are not read. The messages come ascending; what is cut off
// is on the side away from where the page was asked for, so that what stays is in one piece: the
// newest of the newest and of those before an anchor, the oldest of those after one, the nearest
// around one. One message always stays. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "chat/ports/snapshot.hpp"

namespace maru::gateway::rest {

class HistoryPage {
 public:
  HistoryPage(chat::RecordRange range, Sequence anchor, std::size_t bytes_max);

  void reserve(std::size_t bytes) { json_.reserve(bytes); }
  void add(const chat::Record& record);

  // Ends it; then the others say what is in it. Zero: nothing.
  [[nodiscard]] std::string finish();
  [[nodiscard]] Sequence first() const { return first_; }
  [[nodiscard]] Sequence last() const { return last_; }

 private:
  struct Item {
    Sequence sequence;
    std::size_t begin = 0;  // in json_, behind the comma
  };

  [[nodiscard]] bool cuts_front(std::size_t front, std::size_t back) const;
  void cut();

  const chat::RecordRange range_;
  const Sequence anchor_;
  const std::size_t bytes_max_;
  std::string json_ = "[";
  std::vector<Item> items_;
  bool full_ = false;
  Sequence first_;
  Sequence last_;
};

}  // namespace maru::gateway::rest
