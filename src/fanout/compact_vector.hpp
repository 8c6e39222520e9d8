// A vector of plain values in 16 bytes and up: one value needs no allocation. For the many small
// lists of a RoomIndex (a listener's chats, a 1:1's listeners), where std::vector's 24 bytes and
// heap block would be most of the memory. One owner; not copied.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace maru::fanout {

template <class T>
class CompactVector {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  CompactVector() : inline_{} {}
  ~CompactVector() {
    if (capacity_ > 1) delete[] heap_;
  }
  CompactVector(const CompactVector&) = delete;
  CompactVector& operator=(const CompactVector&) = delete;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] T* data() { return capacity_ > 1 ? heap_ : &inline_; }
  [[nodiscard]] const T* data() const { return capacity_ > 1 ? heap_ : &inline_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  void push_back(T value) {
    if (size_ == capacity_) resize_storage(capacity_ < 4 ? 4 : capacity_ + capacity_ / 2);
    data()[size_++] = value;
  }
  // The last value takes the place of the removed one.
  void swap_remove(std::size_t i) {
    data()[i] = data()[size_ - 1];
    truncate(size_ - 1);
  }
  // Keeps the order.
  void erase_front() {
    std::copy(begin() + 1, end(), begin());
    truncate(size_ - 1);
  }
  void truncate(std::size_t size) {
    size_ = static_cast<std::uint32_t>(size);
    if (capacity_ > 1 && size_ <= 1) {
      T* old = heap_;
      const T kept = old[0];
      delete[] old;
      inline_ = kept;
      capacity_ = 1;
    }
  }

 private:
  void resize_storage(std::uint32_t capacity) {
    T* const storage = new T[capacity];
    std::copy(begin(), end(), storage);
    if (capacity_ > 1) delete[] heap_;
    heap_ = storage;
    capacity_ = capacity;
  }

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 1;  // 1: inline
  union {
    T inline_;
    T* heap_;
  };
};

}  // namespace maru::fanout
