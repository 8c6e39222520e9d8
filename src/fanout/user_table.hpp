// The registrations of a RoomIndex by user: chains through the registrations themselves, so that a
// listener costs no node of its own and leaves in constant time. Its thread only.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "fanout/compact_vector.hpp"
#include "fanout/room.hpp"
#include "fanout/room_index.hpp"

namespace maru::fanout {

using RoomEntry = std::pair<const ChatId, Room>;

// A room's address with 16 bits of its chat's hash in those that addresses of user space leave
// free (x86-64 and AArch64: 48 bits), so that looking for a chat among a thousand touches no room.
class RoomRef {
 public:
  using Tag = std::uint16_t;
  RoomRef() = default;
  explicit RoomRef(RoomEntry& room)
      : bits_(reinterpret_cast<std::uintptr_t>(&room) | std::uintptr_t{tag_of(room.first)}
                                                            << kBits) {
    static_assert(sizeof(std::uintptr_t) == 8);
    assert(reinterpret_cast<std::uintptr_t>(&room) >> kBits == 0);
  }
  static Tag tag_of(const ChatId& chat) {
    const std::uint64_t mixed = std::hash<ChatId>()(chat) * 0x9E37'79B9'7F4A'7C15ULL;
    return static_cast<Tag>(mixed >> 48);
  }
  [[nodiscard]] Tag tag() const { return static_cast<Tag>(bits_ >> kBits); }
  RoomEntry& operator*() const {
    const std::uintptr_t address = bits_ & ((std::uintptr_t{1} << kBits) - 1);
    return *reinterpret_cast<RoomEntry*>(address);  // NOLINT(performance-no-int-to-ptr)
  }
  RoomEntry* operator->() const { return &**this; }

 private:
  static constexpr int kBits = 48;
  std::uintptr_t bits_ = 0;
};

struct Attachment {
  RoomRef room;
  Sequence floor;  // for leave_behind
  Sequence upto;   // while its seat is kBehind: not delivered up to here
};

// What the index knows of a listener. 88 bytes and less, so that its heap block is 96.
struct Registration {
  Listener* listener = nullptr;
  Registration* next = nullptr;
  Registration** link = nullptr;  // what points to this one
  UserId user;
  SessionId session;
  CompactVector<Attachment> attachments;
  std::unique_ptr<std::vector<UserId>> watched;  // oldest first; most watch nobody
  // Order::kByPosition: what waits until nothing is pending.
  std::unique_ptr<std::vector<wire::WireEvent>> parked;
};

class UserTable {
 public:
  UserTable() : buckets_(kBucketsMin, nullptr) {}
  ~UserTable();  // deletes those still linked
  UserTable(const UserTable&) = delete;
  UserTable& operator=(const UserTable&) = delete;

  void link(Registration& registration);
  void unlink(Registration& registration);
  [[nodiscard]] std::size_t size() const { return size_; }

  // `visit` must not change the table.
  template <class Visit>
  void for_each_of(const UserId& user, Visit&& visit) const {
    for (Registration* at = buckets_[bucket_of(user)]; at != nullptr; at = at->next) {
      if (at->user == user) visit(*at);
    }
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Registration* at = nobody_; at != nullptr; at = at->next) visit(*at);
    for (Registration* bucket : buckets_) {
      for (Registration* at = bucket; at != nullptr; at = at->next) visit(*at);
    }
  }

 private:
  static constexpr std::size_t kBucketsMin = 64;
  [[nodiscard]] std::size_t bucket_of(const UserId& user) const {
    const std::uint64_t mixed = std::hash<UserId>()(user) * 0x9E37'79B9'7F4A'7C15ULL;
    return static_cast<std::size_t>(mixed >> 32) & (buckets_.size() - 1);
  }
  static void push(Registration** head, Registration& registration);
  void grow();

  std::vector<Registration*> buckets_;  // a power of two
  Registration* nobody_ = nullptr;      // those without a user: one chain would be long
  std::size_t size_ = 0;
};

}  // namespace maru::fanout
