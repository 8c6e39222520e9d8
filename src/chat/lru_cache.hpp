// Values by key, the least recently used go first when the whole grows too heavy. Entries leave
// only in trim() and erase(), so pointers stay valid in between. One thread.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

namespace maru::chat {

template <class Key, class Value>
class LruCache {
 public:
  // The weight is the caller's unit (entries, members); the bound holds after every trim().
  explicit LruCache(std::size_t weight_max) : weight_max_(weight_max) {}

  // Null if absent; otherwise the entry is now the most recently used.
  [[nodiscard]] Value* find(const Key& key) {
    const auto at = index_.find(key);
    if (at == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    return &at->second->value;
  }

  // The key must be absent.
  Value* insert(const Key& key, Value value, std::size_t weight) {
    const auto at = index_.emplace(key, entries_.end()).first;
    try {
      entries_.push_front(Entry{key, std::move(value), weight});
    } catch (...) {  // no memory
      index_.erase(at);
      throw;
    }
    at->second = entries_.begin();
    weight_ += weight;
    return &entries_.front().value;
  }

  void reweigh(const Key& key, std::size_t weight) {
    const auto at = index_.find(key);
    if (at == index_.end()) return;
    weight_ += weight - at->second->weight;
    at->second->weight = weight;
  }

  void erase(const Key& key) {
    const auto at = index_.find(key);
    if (at == index_.end()) return;
    weight_ -= at->second->weight;
    entries_.erase(at->second);
    index_.erase(at);
  }

  void trim() {
    while (weight_ > weight_max_) {
      const Entry& oldest = entries_.back();
      weight_ -= oldest.weight;
      index_.erase(oldest.key);
      entries_.pop_back();
    }
  }

  [[nodiscard]] std::size_t size() const { return index_.size(); }

 private:
  struct Entry {
    Key key;
    Value value;
    std::size_t weight;
  };

  const std::size_t weight_max_;
  std::size_t weight_ = 0;
  std::list<Entry> entries_;
  std::unordered_map<Key, typename std::list<Entry>::iterator> index_;
};

}  // namespace maru::chat
