// The open sessions of one I/O thread by their secret: open addressing, 11 to 22 bytes a session.
// The secret is random, so it is its own hash. Not owning. Owner thread only.
#pragma once

#include <cstddef>
#include <vector>

#include "endpoint/sid.hpp"

namespace maru::endpoint {

class EngineSession;

class SidTable {
 public:
  [[nodiscard]] EngineSession* find(const SessionSecret& secret) const;
  void insert(EngineSession& session);  // its secret is not in the table
  void erase(const EngineSession& session);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::vector<EngineSession*> all() const;

 private:
  [[nodiscard]] std::size_t home(const SessionSecret& secret) const;
  void grow();

  std::vector<EngineSession*> slots_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace maru::endpoint
