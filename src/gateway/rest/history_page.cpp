#include "gateway/rest/history_page.hpp"

#include <utility>

#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {

HistoryPage::HistoryPage(chat::RecordRange range, Sequence anchor, std::size_t bytes_max)
    : range_(range), anchor_(anchor), bytes_max_(bytes_max) {}

void HistoryPage::add(const chat::Record& record) {
  if (full_) return;
  if (!items_.empty()) json_ += ',';
  items_.push_back({record.sequence, json_.size()});
  json::Writer out(json_);
  wire::write_message(out, record);
  if (range_ != chat::RecordRange::kAfter || json_.size() < bytes_max_ || items_.size() == 1) {
    return;
  }
  // Nothing behind it belongs to the page either.
  json_.resize(items_.back().begin - 1);
  items_.pop_back();
  full_ = true;
}

// Of the messages front to back - 1 that are still in: whether the first is the one to go.
bool HistoryPage::cuts_front(std::size_t front, std::size_t back) const {
  if (range_ != chat::RecordRange::kAround) return true;
  const Sequence first = items_[front].sequence;
  const Sequence last = items_[back - 1].sequence;
  if (last.value <= anchor_.value) return true;
  if (first.value >= anchor_.value) return false;
  return anchor_.value - first.value >= last.value - anchor_.value;
}

void HistoryPage::cut() {
  std::size_t front = 0;
  std::size_t back = items_.size();
  const auto end_of = [&](std::size_t item) {
    return item == items_.size() ? json_.size() : items_[item].begin - 1;
  };
  // The brackets are two bytes more.
  while (back - front > 1 && end_of(back) - items_[front].begin + 2 > bytes_max_) {
    if (cuts_front(front, back)) {
      ++front;
    } else {
      --back;
    }
  }
  first_ = items_[front].sequence;
  last_ = items_[back - 1].sequence;
  if (front == 0 && back == items_.size()) return;
  // Into storage of its own size: what is cut off is the larger part.
  std::string kept;
  const std::size_t size = end_of(back) - items_[front].begin;
  kept.reserve(size + 2);
  kept += '[';
  kept.append(json_, items_[front].begin, size);
  json_ = std::move(kept);
}

std::string HistoryPage::finish() {
  if (!items_.empty()) cut();
  json_ += ']';
  return std::move(json_);
}

}  // namespace maru::gateway::rest
