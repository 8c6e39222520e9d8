// The open sessions of one I/O thread by their secret: open addressing, 11 to 22 bytes a session.
// The secret is random, so it is its own hash. Not owning. Owner thread only.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "endpoint/sid.hpp"

namespace maru::endpoint {

// Session::secret() is its SessionSecret, which does not change while it is in the table.
template <class Session>
class SidTable {
 public:
  [[nodiscard]] Session* find(const SessionSecret& secret) const;
  void make_room();               // for one: the next insert() needs no memory
  void insert(Session& session);  // its secret is not in the table
  void erase(const Session& session);
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::vector<Session*> all() const;

 private:
  [[nodiscard]] std::size_t home(const SessionSecret& secret) const;
  void grow();

  std::vector<Session*> slots_;  // a power of two
  std::size_t size_ = 0;
};

template <class Session>
std::size_t SidTable<Session>::home(const SessionSecret& secret) const {
  std::size_t hash;
  std::memcpy(&hash, secret.data(), sizeof hash);
  return hash & (slots_.size() - 1);
}

template <class Session>
Session* SidTable<Session>::find(const SessionSecret& secret) const {
  if (slots_.empty()) return nullptr;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t i = home(secret); slots_[i]; i = (i + 1) & mask) {
    if (slots_[i]->secret() == secret) return slots_[i];
  }
  return nullptr;
}

template <class Session>
void SidTable<Session>::make_room() {
  if (size_ * 4 >= slots_.size() * 3) grow();
}

template <class Session>
void SidTable<Session>::insert(Session& session) {
  make_room();
  const std::size_t mask = slots_.size() - 1;
  std::size_t i = home(session.secret());
  while (slots_[i]) i = (i + 1) & mask;
  slots_[i] = &session;
  ++size_;
}

template <class Session>
void SidTable<Session>::erase(const Session& session) {
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

template <class Session>
std::vector<Session*> SidTable<Session>::all() const {
  std::vector<Session*> sessions;
  sessions.reserve(size_);
  for (Session* session : slots_) {
    if (session) sessions.push_back(session);
  }
  return sessions;
}

template <class Session>
void SidTable<Session>::grow() {
  const std::vector<Session*> old =
      std::exchange(slots_, std::vector<Session*>(slots_.empty() ? 16 : slots_.size() * 2));
  size_ = 0;
  for (Session* session : old) {
    if (session) insert(*session);
  }
}

}  // namespace maru::endpoint
