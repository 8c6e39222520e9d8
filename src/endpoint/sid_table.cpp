#include "endpoint/sid_table.hpp"

#include <cassert>
#include <cstring>
#include <utility>

#include "endpoint/engine_session.hpp"

namespace maru::endpoint {

std::size_t SidTable::home(const SessionSecret& secret) const {
  std::size_t hash;
  std::memcpy(&hash, secret.data(), sizeof hash);
  return hash & (slots_.size() - 1);
}

EngineSession* SidTable::find(const SessionSecret& secret) const {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = home(secret); slots_[i]; i = (i + 1) & mask) {
    if (slots_[i]->secret() == secret) return slots_[i];
  }
  return nullptr;
}

void SidTable::insert(EngineSession& session) {
  if (size_ * 4 >= slots_.size() * 3) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = home(session.secret());
  while (slots_[i]) i = (i + 1) & mask;
  slots_[i] = &session;
  ++size_;
}

void SidTable::erase(const EngineSession& session) {
  assert(!slots_.empty());
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = home(session.secret());
  while (slots_[hole] != &session) {
    assert(slots_[hole]);
    hole = (hole + 1) & mask;
  }
  // Those behind the hole move up, unless that would put them before their home.
  for (std::size_t i = (hole + 1) & mask; slots_[i]; i = (i + 1) & mask) {
    const std::size_t distance = (i - home(slots_[i]->secret())) & mask;
    if (distance < ((i - hole) & mask)) continue;
    slots_[hole] = slots_[i];
    hole = i;
  }
  slots_[hole] = nullptr;
  --size_;
}

std::vector<EngineSession*> SidTable::all() const {
  std::vector<EngineSession*> sessions;
  sessions.reserve(size_);
  for (EngineSession* session : slots_) {
    if (session) sessions.push_back(session);
  }
  return sessions;
}

void SidTable::grow() {
  const std::vector<EngineSession*> old =
      std::exchange(slots_, std::vector<EngineSession*>(slots_.empty() ? 16 : slots_.size() * 2));
  size_ = 0;
  for (EngineSession* session : old) {
    if (session) insert(*session);
  }
}

}  // namespace maru::endpoint
