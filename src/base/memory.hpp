// Want of memory: what happens when there is none left, one place for all (docs/adr/0017).
//
// A reserve of address space is held that nobody uses. The first allocation that fails gives it
// back, so that what was under way can be finished, and asks the I/O threads to shed: those who do
// not read are dropped. Only an allocation that fails even then throws std::bad_alloc, which ends
// what it was for at the nearest edge (survive()): a request, a connection, a batch. Never the
// process.
//
// It helps where the system refuses memory: RLIMIT_AS, strict overcommit, a failing mmap. Where it
// kills instead (a cgroup's limit), the budgets have to hold (base/budgets.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace maru::memory {

inline constexpr std::size_t kReserveBytes = 16 * 1024 * 1024;

inline constexpr std::size_t kPageBytes = 4096;

// Zero bytes straight from the system, which gives them memory where they are touched. Throws
// std::bad_alloc.
[[nodiscard]] void* map_zeroed(std::size_t bytes);
void unmap(void* mapped, std::size_t bytes) noexcept;

// Once, before threads start: takes the reserve and sets the allocator up so that what a burst took
// goes back to the system.
void prepare();

// Any thread: from the moment the reserve was used until it is whole again. Then nothing is begun
// that can be put off: connections, long answers.
[[nodiscard]] bool is_short();
// Any thread. Grows whenever who holds much for others shall let go of it.
[[nodiscard]] std::uint64_t shed_round();
// Every second or so, one thread: takes the reserve again if there is room, else asks to shed.
void recover();

// For /metrics. How often the reserve was used, and what was given up for want of memory.
[[nodiscard]] std::uint64_t shortages();
[[nodiscard]] std::uint64_t failures();
void count_failure();

// What is durable has to be told, and there is no telling half of it: while one lives, allocations
// of this thread wait for memory rather than fail. Not on an I/O thread, which is to shed, nor
// while holding what one needs.
class Patience {
 public:
  Patience();
  ~Patience();
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
};

// The opposite within it: under a lock that others need, to whom it is better to fail.
class Impatience {
 public:
  Impatience();
  ~Impatience();
  Impatience(const Impatience&) = delete;
  Impatience& operator=(const Impatience&) = delete;

 private:
  int patience_before_;
};

// An edge: runs `body`; false if it ended for want of memory, which has been counted.
template <class Body>
[[nodiscard]] bool survive(Body&& body) {
  try {
    std::forward<Body>(body)();
    return true;
  } catch (const std::bad_alloc&) {
    count_failure();
    return false;
  }
}

}  // namespace maru::memory
