// The sockets of one I/O thread by a key that outlives them. What crosses threads (a reply of the
// sequencer, the answer of a reader) carries a key, never a pointer: the socket may be gone by the
// time it comes back. Owner thread only; keys are plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "endpoint/socket.hpp"

namespace maru::gateway {

class ClientSession;

// A slot and its generation; 0 names none.
using SessionKey = std::uint64_t;

class SessionTable {
 public:
  SessionTable();
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  SessionKey insert(std::unique_ptr<ClientSession> session);
  [[nodiscard]] ClientSession* find(SessionKey key) const;  // null once it was erased
  void erase(SessionKey key);

  [[nodiscard]] std::size_t size() const { return size_; }
  // Slots may be empty; they are numbered 0 … slot_count() − 1.
  [[nodiscard]] std::size_t slot_count() const { return slots_.size(); }
  [[nodiscard]] ClientSession* at_slot(std::size_t slot) const;

 private:
  struct Slot {
    std::unique_ptr<ClientSession> session;
    std::uint32_t generation = 1;
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace maru::gateway
