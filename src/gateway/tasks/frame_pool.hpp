// Where the frames of tasks come from: some of each size are kept for the next, for a busy thread
// makes and ends hundreds at a time, and they are too large and too many for what malloc keeps at
// hand. Any thread, each its own; a frame may be given back on another than the one that took it.
#pragma once

#include <cstddef>

namespace maru::gateway {

class FramePool {
 public:
  // Throws std::bad_alloc.
  static void* take(std::size_t size);
  static void give_back(void* frame, std::size_t size) noexcept;
};

}  // namespace maru::gateway
