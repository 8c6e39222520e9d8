// Who listens here: one per I/O thread, that thread only. Delivers a batch to outboxes without an
// allocation per recipient.
//
// Joining a chat's stream has an exact boundary (architecture.md, "Life of a message"):
//   1. attach_pending(): events of the chat are held for this listener from now on;
//   2. read head S, membership and what is missing from one snapshot of the store;
//   3. answer the client with S;
//   4. release(S): held events > S are delivered, those ≤ S dropped; later ones flow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/id.hpp"
#include "base/limits.hpp"
#include "fanout/recovery/recoverable_socket.hpp"
#include "wire/wire_event.hpp"

namespace maru::fanout {

class InterestTable;
struct Registration;  // the index's own state for a listener

// A socket that hears events. Owner I/O thread only; registered with add() and removed with
// remove() before it goes.
class Listener {
 public:
  // Queue it; never blocks. It may remove or detach itself or others from the index; what it does
  // takes effect for the rest of the delivery.
  virtual void deliver(const wire::WireEvent& event) = 0;
  // The listener's login session was revoked: deliver, then close with `41` (after this call).
  virtual void on_session_revoked(const wire::WireEvent& event) = 0;
  // The user left that chat (or was removed): the listener is attached to it no more.
  virtual void on_detached(ChatId chat) = 0;
  // Too many events were held for that chat, or because of it for others, while it was pending
  // (kHeldEventsMax): it is attached no more and the client must resync.
  virtual void on_held_overflow(ChatId chat) = 0;
  // There was no memory to hand it an event: it must be delivered no more, and has to come back.
  virtual void on_event_lost() = 0;

 protected:
  ~Listener() = default;

 private:
  friend class RoomIndex;
  Registration* registration_ = nullptr;  // while it is added
  wire::Position last_delivered_ = 0;     // of the last event with an offset given to deliver()
  std::uint16_t pending_ = 0;             // chats between attach_pending() and release()
  bool keeps_order_ = false;              // Order::kByPosition
  bool is_parking_ = false;               // Registration::parked
};

// How a listener hears events while some chat of it is pending.
enum class Order : std::uint8_t {
  kAsItComes,  // those of its other chats at once
  // A recoverable socket: an offset says that everything before it was seen. So whatever has a
  // position waits until nothing is pending, and goes out in the order of positions.
  kByPosition,
};

enum class AttachResult : std::uint8_t {
  kPending,   // step 1 is done, release() or abandon() must follow
  kAttached,  // it was attached already, or is pending: then release does nothing new
  kTooMany,
};

class RoomIndex {
 public:
  // Per listener and chat; and for what waits by position, give or take one delivery.
  static constexpr std::size_t kHeldEventsMax = 1024;
  // All chats that a user can be in, and some that are being left while others are joined.
  static constexpr std::size_t kChatsPerListenerMax = limits::kChatsOfUserMax + 1000;

  // `thread` is this I/O thread's index in `interest`.
  RoomIndex(unsigned thread, InterestTable& interest);
  ~RoomIndex();
  RoomIndex(const RoomIndex&) = delete;
  RoomIndex& operator=(const RoomIndex&) = delete;

  // Hears of its login session and that session's user from now on. Zero: of none (open mode).
  void add(Listener& listener, UserId user, SessionId session, Order order = Order::kAsItComes);
  // Open mode: it speaks for that user from now on, and hears of the session as before.
  void set_user(Listener& listener, UserId user);
  void remove(Listener& listener);  // from everything; fine if it was never added

  AttachResult attach_pending(ChatId chat, Listener& listener);
  // No effect when the listener was detached meanwhile. False then. Not within a delivery.
  bool release(ChatId chat, Listener& listener, Sequence upto);
  // For a recovered socket: `floor` is its earlier one (Recovery), because what it missed may be
  // lost on the way once more.
  bool release(ChatId chat, Listener& listener, Sequence upto, Sequence floor);
  // Detaches it if it is still pending, and nothing otherwise.
  void abandon(ChatId chat, Listener& listener);
  void detach(ChatId chat, Listener& listener);
  [[nodiscard]] bool is_attached(ChatId chat, const Listener& listener) const;
  // A recovered socket was sent everything up to `position` in another way than deliver().
  void resume(Listener& listener, wire::Position position);
  // Fills chats, floors, watched, last_delivered and left_at. Call it before remove().
  void leave_behind(const Listener& listener, RecoverableSocket& out) const;
  // Everything up to `position` that concerns anyone here was handed over.
  void pass(wire::Position position);

  // Presence of these users, in addition to those watched before (bounded by kWatchedUsersMax;
  // past it the oldest are dropped).
  void watch(Listener& listener, std::span<const UserId> users);
  // Those whom that user's listeners here watch, and whose listeners here watch that user.
  [[nodiscard]] std::vector<UserId> watch_partners(UserId user) const;
  // Ends the watches between `user` and each of the others, both ways.
  void end_watches(UserId user, std::span<const UserId> others);
  // Called after a delivery for each user whose membership in some chat ended with it, if they
  // watch anyone here or are watched. It may do anything but deliver.
  void on_membership_ended(std::function<void(UserId)> hook);
  // How many memberships ended so far: whether one ended between two looks.
  [[nodiscard]] std::uint64_t memberships_ended() const;

  void deliver(std::span<const wire::WireEvent> events);

  [[nodiscard]] std::size_t listener_count() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::fanout
