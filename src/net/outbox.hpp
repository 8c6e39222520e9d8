// The bytes that a connection still has to write, in order. It keeps references to shared frames; a
// flush gathers them into one system call. Owner thread only.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

#include "base/shared_bytes.hpp"

namespace maru::net {

class Outbox {
 public:
  // A reference here, and the head of the block that it holds.
  static constexpr std::size_t kItemBytes = 48;

  // Empty bytes are ignored.
  void push(SharedBytes bytes);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // With what the items cost beside their bytes: what bounds are held against.
  [[nodiscard]] std::size_t memory_bytes() const { return bytes_ + items() * kItemBytes; }
  [[nodiscard]] std::size_t items() const { return items_.size() - first_; }

  // Fills `parts` from the front; the number filled. Views last until the next call of any other
  // function.
  std::size_t gather(std::span<iovec> parts) const;
  // Copies from the front as much as fits; the number of bytes.
  std::size_t copy_front(std::span<char> out) const;
  // Removes `size` bytes from the front.
  void consume(std::size_t size);
  // Forgets everything, and its storage too where that had grown.
  void clear();

 private:
  std::vector<SharedBytes> items_;
  std::size_t first_ = 0;   // index of the front item
  std::size_t offset_ = 0;  // bytes of it that are gone already
  std::size_t bytes_ = 0;
};

}  // namespace maru::net
