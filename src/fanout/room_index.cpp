#include "fanout/room_index.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/limits.hpp"
#include "base/memory.hpp"
#include "fanout/interest_table.hpp"
#include "fanout/room.hpp"
#include "fanout/user_table.hpp"

namespace maru::fanout {

struct RoomIndex::Implementation {
  Implementation(unsigned thread_index, InterestTable& interest_table)
      : thread(thread_index), interest(interest_table) {}
  ~Implementation() {
    for (const RoomEntry& entry : rooms) interest.remove(thread, entry.first);
  }

  // ---- rooms
  RoomEntry& open_room(ChatId chat) {
    const auto [at, is_new] = rooms.try_emplace(chat);
    if (is_new) interest.add(thread, chat);
    return *at;
  }
  void close_room_if_empty(RoomEntry& entry) {
    if (delivering || !entry.second.seats.empty()) return;
    const ChatId chat = entry.first;
    interest.remove(thread, chat);
    rooms.erase(chat);
  }
  void vacate(RoomEntry& entry, Listener& listener);
  void sweep();

  // ---- attachments
  static Attachment* find_attachment(Registration& registration, ChatId chat) {
    const RoomRef::Tag tag = RoomRef::tag_of(chat);
    for (Attachment& attachment : registration.attachments) {
      if (attachment.room.tag() == tag && attachment.room->first == chat) return &attachment;
    }
    return nullptr;
  }
  bool detach(ChatId chat, Listener& listener);
  [[nodiscard]] bool is_stray(const Registration& registration) const;
  void forget_stray(const Registration& registration);
  void end_watch(Listener& listener, const UserId& user);

  // ---- delivery
  void deliver_one(const wire::WireEvent& event);
  void lose(const wire::WireEvent& event);
  static void tell_loss(Listener& listener) {
    [[maybe_unused]] const bool told = memory::survive([&] { listener.on_event_lost(); });
  }
  void deliver_to_chat(const wire::WireEvent& event);
  static bool catches_up(RoomEntry& entry, std::size_t seat, const wire::WireEvent& event);
  void hold(RoomEntry& entry, const wire::WireEvent& event);
  void detach_subject(RoomEntry& entry, const UserId& user);
  void deliver_to_users(const wire::WireEvent& event);
  void deliver_to_session(const wire::WireEvent& event);
  void deliver_to_watchers(const wire::WireEvent& event);
  void deliver_held(RoomEntry& entry, Listener& listener,
                    const std::vector<wire::WireEvent>& events);
  void hand(Listener& listener, const wire::WireEvent& event) {
    if (event.position != 0) {
      if (listener.is_parking_) return park(listener, event);
      // A thread that is behind may give a recovered socket what is older than what it was sent.
      listener.last_delivered_ = std::max(listener.last_delivered_, event.position);
    }
    listener.deliver(event);
  }

  // ---- by position
  void park(Listener& listener, const wire::WireEvent& event);
  void give_up_pending(Listener& listener);
  void pending_ended(Listener& listener);
  void unpark(Listener& listener);
  void unpark_all();
  void note_membership_ended(const UserId& user);
  // Collected listeners are called one after the other; those removed meanwhile are null by then.
  template <class Call>
  void call_collected(Call&& call) {
    for (std::size_t i = 0; i < collected.size(); ++i) {
      if (collected[i] != nullptr) call(*collected[i]);
    }
    collected.clear();
  }

  const unsigned thread;
  InterestTable& interest;
  UserTable users;
  std::unordered_map<ChatId, Room> rooms;
  std::unordered_map<UserId, CompactVector<Listener*>> watchers;
  // Listeners that speak for another user than their session's (open mode), by that session.
  std::unordered_multimap<SessionId, Registration*> strays;
  wire::Position seen = 0;  // every event up to here was handed to whom it concerns
  std::function<void(UserId)> membership_hook;
  std::uint64_t memberships_ended = 0;
  std::vector<UserId> ended;  // whose membership ended, until the delivery's end

  bool delivering = false;
  std::vector<RoomEntry*> swept;     // rooms with empty seats, until the delivery's end
  std::vector<Listener*> collected;  // being called now
  Listener* releasing = nullptr;     // gets held events now; null once it was detached
  ChatId releasing_chat;
  std::vector<Listener*> unparked;  // nothing of theirs is pending any more; at the delivery's end
  Listener* unparking = nullptr;    // gets what was parked now; null once it was removed
};

namespace {

// Rooms are closed and seats removed only after it, so that indices and addresses stay good while
// listeners are called.
class DeliveryScope {
 public:
  explicit DeliveryScope(bool& delivering) : delivering_(delivering) {
    assert(!delivering_);
    delivering_ = true;
  }
  ~DeliveryScope() { delivering_ = false; }
  DeliveryScope(const DeliveryScope&) = delete;
  DeliveryScope& operator=(const DeliveryScope&) = delete;

 private:
  bool& delivering_;
};

}  // namespace

// ---- listeners
// -------------------------------------------------------------------------------

RoomIndex::RoomIndex(unsigned thread, InterestTable& interest)
    : implementation_(std::make_unique<Implementation>(thread, interest)) {}

RoomIndex::~RoomIndex() = default;

void RoomIndex::add(Listener& listener, UserId user, SessionId session, Order order) {
  assert(listener.registration_ == nullptr);
  auto* registration = new Registration;
  registration->listener = &listener;
  registration->user = user;
  registration->session = session;
  implementation_->users.link(*registration);
  listener.registration_ = registration;
  listener.last_delivered_ = 0;
  listener.pending_ = 0;
  listener.keeps_order_ = order == Order::kByPosition;
  listener.is_parking_ = false;
}

void RoomIndex::set_user(Listener& listener, UserId user) {
  Registration* registration = listener.registration_;
  if (registration == nullptr || registration->user == user) return;
  Implementation& index = *implementation_;
  // It may be there already, from an earlier name: it stays until it goes.
  if (!registration->session.is_zero() && !index.is_stray(*registration)) {
    index.strays.emplace(registration->session, registration);
  }
  index.users.unlink(*registration);
  registration->user = user;
  index.users.link(*registration);
}

bool RoomIndex::Implementation::is_stray(const Registration& registration) const {
  const auto [begin, end] = strays.equal_range(registration.session);
  return std::any_of(begin, end, [&](const auto& one) { return one.second == &registration; });
}

void RoomIndex::Implementation::forget_stray(const Registration& registration) {
  if (strays.empty()) return;
  const auto [begin, end] = strays.equal_range(registration.session);
  const auto found =
      std::find_if(begin, end, [&](const auto& one) { return one.second == &registration; });
  if (found != end) strays.erase(found);
}

void RoomIndex::remove(Listener& listener) {
  Registration* registration = listener.registration_;
  if (registration == nullptr) return;
  Implementation& index = *implementation_;
  listener.is_parking_ = false;
  registration->parked.reset();
  std::erase(index.unparked, &listener);
  if (index.unparking == &listener) index.unparking = nullptr;
  while (!registration->attachments.empty()) {
    index.detach(registration->attachments[0].room->first, listener);
  }
  if (registration->watched) {
    for (const UserId& user : *registration->watched) index.end_watch(listener, user);
  }
  for (Listener*& collected : index.collected) {
    if (collected == &listener) collected = nullptr;
  }
  index.forget_stray(*registration);
  index.users.unlink(*registration);
  listener.registration_ = nullptr;
  delete registration;
}

std::size_t RoomIndex::listener_count() const {
  return implementation_->users.size();
}

// ---- attaching
// -------------------------------------------------------------------------------

AttachResult RoomIndex::attach_pending(ChatId chat, Listener& listener) {
  assert(listener.registration_ != nullptr);
  Registration& registration = *listener.registration_;
  if (Implementation::find_attachment(registration, chat) != nullptr) {
    return AttachResult::kAttached;
  }
  if (registration.attachments.size() >= kChatsPerListenerMax) return AttachResult::kTooMany;

  RoomEntry& entry = implementation_->open_room(chat);
  Room& room = entry.second;
  if (!room.hold) room.hold = std::make_unique<Hold>();
  room.hold->start(listener);
  room.seats.push_back(Seat(listener, Seat::kPending));
  registration.attachments.push_back({RoomRef(entry), {}, {}});
  ++listener.pending_;
  if (listener.keeps_order_) {
    listener.is_parking_ = true;
    if (!registration.parked)
      registration.parked = std::make_unique<std::vector<wire::WireEvent>>();
  }
  return AttachResult::kPending;
}

bool RoomIndex::release(ChatId chat, Listener& listener, Sequence upto) {
  return release(chat, listener, upto, upto);
}

bool RoomIndex::release(ChatId chat, Listener& listener, Sequence upto, Sequence floor) {
  if (listener.registration_ == nullptr) return false;
  Attachment* attachment = Implementation::find_attachment(*listener.registration_, chat);
  if (attachment == nullptr) return false;
  RoomEntry& entry = *attachment->room;
  Room& room = entry.second;
  const std::size_t seat = room.find_seat(listener);
  assert(seat != Room::kNone);
  if (!room.seats[seat].is(Seat::kPending)) return true;

  // An answer may have told the client of records that were not delivered to anyone yet.
  upto = std::max(upto, floor);
  attachment->floor = floor;
  attachment->upto = upto;
  std::vector<wire::WireEvent> held = room.hold->events_for(listener, upto);
  room.hold->stop(listener);
  if (room.hold->is_idle()) room.hold.reset();
  // With an event above S this thread has passed S. Without one the snapshot may be ahead of it.
  const bool is_behind = held.empty() && upto.value > 0;
  room.seats[seat] = Seat(listener, is_behind ? Seat::kBehind : Seat::kActive);
  --listener.pending_;
  // Those that keep order are not called before pending_ended(): they are here still.
  const bool is_parking = listener.is_parking_;
  if (!held.empty()) implementation_->deliver_held(entry, listener, held);
  if (is_parking && listener.registration_ != nullptr) implementation_->pending_ended(listener);
  return true;
}

void RoomIndex::Implementation::deliver_held(RoomEntry& entry, Listener& listener,
                                             const std::vector<wire::WireEvent>& events) {
  {
    const DeliveryScope scope(delivering);
    releasing = &listener;
    releasing_chat = entry.first;
    const bool handed = memory::survive([&] {
      for (const wire::WireEvent& event : events) {
        hand(listener, event);
        if (releasing == nullptr) break;
        if (!event.detaches_subject || listener.registration_->user != event.users.front()) {
          continue;
        }
        // The listener's own leave: what was held after it is not for it.
        detach(entry.first, listener);
        listener.on_detached(entry.first);
        break;
      }
    });
    if (!handed) tell_loss(listener);
    releasing = nullptr;
  }
  sweep();
  unpark_all();
}

// ---- by position
// ------------------------------------------------------------------------------------

void RoomIndex::Implementation::park(Listener& listener, const wire::WireEvent& event) {
  std::vector<wire::WireEvent>& parked = *listener.registration_->parked;
  parked.push_back(event);
  if (parked.size() > kHeldEventsMax && listener.pending_ > 0) give_up_pending(listener);
}

void RoomIndex::Implementation::give_up_pending(Listener& listener) {
  std::vector<ChatId> pending;
  for (const Attachment& attachment : listener.registration_->attachments) {
    const Hold* hold = attachment.room->second.hold.get();
    if (hold != nullptr && hold->is_waiting(listener)) pending.push_back(attachment.room->first);
  }
  for (const ChatId& chat : pending) {
    if (detach(chat, listener)) listener.on_held_overflow(chat);
  }
}

// Within a delivery at its end: who is being called must not be called once more.
void RoomIndex::Implementation::pending_ended(Listener& listener) {
  if (listener.pending_ > 0 || !listener.is_parking_) return;
  if (std::ranges::find(unparked, &listener) == unparked.end()) unparked.push_back(&listener);
  if (!delivering) unpark_all();
}

void RoomIndex::Implementation::unpark(Listener& listener) {
  {
    const DeliveryScope scope(delivering);
    const auto parked = std::exchange(listener.registration_->parked, nullptr);
    listener.is_parking_ = false;
    std::ranges::sort(*parked, {}, &wire::WireEvent::position);  // no two have the same
    unparking = &listener;
    const bool handed = memory::survive([&] {
      for (const wire::WireEvent& event : *parked) {
        hand(listener, event);
        if (unparking == nullptr) break;
      }
    });
    if (!handed) tell_loss(listener);
    unparking = nullptr;
  }
  sweep();
}

// Whoever waits for nothing any more, and whoever does not because of that.
void RoomIndex::Implementation::unpark_all() {
  while (!unparked.empty()) {
    Listener& listener = *unparked.back();
    unparked.pop_back();
    if (listener.pending_ == 0 && listener.is_parking_) unpark(listener);
  }
}

void RoomIndex::abandon(ChatId chat, Listener& listener) {
  if (listener.registration_ == nullptr) return;
  const Attachment* attachment = Implementation::find_attachment(*listener.registration_, chat);
  if (attachment == nullptr) return;
  const Hold* hold = attachment->room->second.hold.get();
  if (hold != nullptr && hold->is_waiting(listener)) implementation_->detach(chat, listener);
}

void RoomIndex::detach(ChatId chat, Listener& listener) {
  if (listener.registration_ != nullptr) implementation_->detach(chat, listener);
}

bool RoomIndex::Implementation::detach(ChatId chat, Listener& listener) {
  Registration& registration = *listener.registration_;
  Attachment* attachment = find_attachment(registration, chat);
  if (attachment == nullptr) return false;
  RoomEntry& entry = *attachment->room;
  registration.attachments.swap_remove(
      static_cast<std::size_t>(attachment - registration.attachments.data()));
  if (releasing == &listener && releasing_chat == chat) releasing = nullptr;
  vacate(entry, listener);
  close_room_if_empty(entry);
  pending_ended(listener);
  return true;
}

void RoomIndex::Implementation::vacate(RoomEntry& entry, Listener& listener) {
  Room& room = entry.second;
  const std::size_t seat = room.find_seat(listener);
  assert(seat != Room::kNone);
  if (room.seats[seat].is(Seat::kPending)) {
    room.hold->stop(listener);
    if (room.hold->is_idle()) room.hold.reset();
    --listener.pending_;
  }
  if (!delivering) {
    room.seats.swap_remove(seat);
    return;
  }
  room.seats[seat] = Seat();
  if (!room.has_empty_seats) swept.push_back(&entry);
  room.has_empty_seats = true;
}

void RoomIndex::Implementation::sweep() {
  for (RoomEntry* entry : swept) {
    entry->second.drop_empty_seats();
    close_room_if_empty(*entry);
  }
  swept.clear();
}

bool RoomIndex::is_attached(ChatId chat, const Listener& listener) const {
  return listener.registration_ != nullptr &&
         Implementation::find_attachment(*listener.registration_, chat) != nullptr;
}

void RoomIndex::resume(Listener& listener, wire::Position position) {
  listener.last_delivered_ = std::max(listener.last_delivered_, position);
}

void RoomIndex::leave_behind(const Listener& listener, RecoverableSocket& out) const {
  out.chats.clear();
  out.floors.clear();
  out.watched.clear();
  out.last_delivered = listener.last_delivered_;
  out.left_at = implementation_->seen;
  if (listener.registration_ == nullptr) return;
  if (listener.registration_->watched) out.watched = *listener.registration_->watched;
  if (listener.registration_->parked) {  // not handed to it
    for (const wire::WireEvent& event : *listener.registration_->parked) {
      out.left_at = std::min(out.left_at, event.position - 1);
    }
  }
  for (const Attachment& attachment : listener.registration_->attachments) {
    Sequence floor = attachment.floor;
    const Hold* hold = attachment.room->second.hold.get();
    if (const wire::WireEvent* first = hold == nullptr ? nullptr : hold->first_for(listener)) {
      // Still pending: what is held was not handed to it.
      floor = {first->sequence.value - 1};
      if (first->position != 0) out.left_at = std::min(out.left_at, first->position - 1);
    }
    out.chats.push_back(attachment.room->first);
    out.floors.push_back(floor);
  }
}

void RoomIndex::pass(wire::Position position) {
  implementation_->seen = std::max(implementation_->seen, position);
}

// ---- presence
// --------------------------------------------------------------------------------

void RoomIndex::watch(Listener& listener, std::span<const UserId> users) {
  if (listener.registration_ == nullptr) return;
  auto& watched = listener.registration_->watched;
  if (!watched) watched = std::make_unique<std::vector<UserId>>();
  for (const UserId& user : users) {
    if (std::ranges::find(*watched, user) != watched->end()) continue;
    if (watched->size() >= limits::kWatchedUsersMax) {
      implementation_->end_watch(listener, watched->front());
      watched->erase(watched->begin());
    }
    watched->push_back(user);
    implementation_->watchers[user].push_back(&listener);
  }
}

std::vector<UserId> RoomIndex::watch_partners(UserId user) const {
  const Implementation& index = *implementation_;
  std::unordered_set<UserId> partners;
  if (const auto at = index.watchers.find(user); at != index.watchers.end()) {
    for (const Listener* watcher : at->second) partners.insert(watcher->registration_->user);
  }
  index.users.for_each_of(user, [&](const Registration& registration) {
    if (!registration.watched) return;
    partners.insert(registration.watched->begin(), registration.watched->end());
  });
  partners.erase(user);
  return {partners.begin(), partners.end()};
}

void RoomIndex::end_watches(UserId user, std::span<const UserId> others) {
  Implementation& index = *implementation_;
  const auto end = [&](Registration& registration, const UserId& watched) {
    if (registration.watched && std::erase(*registration.watched, watched) > 0) {
      index.end_watch(*registration.listener, watched);
    }
  };
  for (const UserId& other : others) {
    index.users.for_each_of(other, [&](Registration& registration) { end(registration, user); });
    index.users.for_each_of(user, [&](Registration& registration) { end(registration, other); });
  }
}

void RoomIndex::on_membership_ended(std::function<void(UserId)> hook) {
  implementation_->membership_hook = std::move(hook);
}

std::uint64_t RoomIndex::memberships_ended() const {
  return implementation_->memberships_ended;
}

void RoomIndex::Implementation::note_membership_ended(const UserId& user) {
  ++memberships_ended;
  bool concerns = watchers.contains(user);
  users.for_each_of(user, [&](const Registration& r) { concerns |= r.watched != nullptr; });
  if (concerns) ended.push_back(user);
}

void RoomIndex::Implementation::end_watch(Listener& listener, const UserId& user) {
  const auto at = watchers.find(user);
  if (at == watchers.end()) return;
  CompactVector<Listener*>& list = at->second;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == &listener) {
      list.swap_remove(i);
      break;
    }
  }
  if (list.empty()) watchers.erase(at);
}

// ---- delivery
// --------------------------------------------------------------------------------

void RoomIndex::deliver(std::span<const wire::WireEvent> events) {
  Implementation& index = *implementation_;
  {
    const DeliveryScope scope(index.delivering);
    for (const wire::WireEvent& event : events) {
      if (!memory::survive([&] { index.deliver_one(event); })) index.lose(event);
      if (event.position != 0) index.seen = event.position;
    }
  }
  index.sweep();
  index.unpark_all();
  for (const UserId& user : std::exchange(index.ended, {})) {
    if (!index.membership_hook) continue;
    // Without memory to look, nobody is shown any more.
    if (memory::survive([&] { index.membership_hook(user); })) continue;
    [[maybe_unused]] const bool ended =
        memory::survive([&] { end_watches(user, watch_partners(user)); });
  }
}

void RoomIndex::Implementation::deliver_one(const wire::WireEvent& event) {
  switch (event.route) {
    case wire::WireEvent::Route::kChat:
      return deliver_to_chat(event);
    case wire::WireEvent::Route::kUsers:
      return deliver_to_users(event);
    case wire::WireEvent::Route::kSession:
      return deliver_to_session(event);
    case wire::WireEvent::Route::kWatchers:
      return deliver_to_watchers(event);
  }
}

// Who got it and who did not is not known: all whom it concerned come back and catch up. Of
// presence (kWatchers) a later state tells.
void RoomIndex::Implementation::lose(const wire::WireEvent& event) {
  collected.clear();
  if (const auto at = rooms.find(event.chat);
      event.route == wire::WireEvent::Route::kChat && at != rooms.end()) {
    for (std::size_t i = 0; i < at->second.seats.size(); ++i) {
      if (Listener* const listener = at->second.seats[i].listener()) tell_loss(*listener);
    }
  }
  for (const UserId& user : event.users) {
    users.for_each_of(user, [](Registration& one) { tell_loss(*one.listener); });
  }
}

void RoomIndex::Implementation::deliver_to_chat(const wire::WireEvent& event) {
  const auto at = rooms.find(event.chat);
  if (at == rooms.end()) return;
  Room& room = at->second;
  // Listeners live far apart in memory: ask for the next ones while this one is served.
  constexpr std::size_t kAhead = 4;
  const std::size_t count = room.seats.size();  // who comes meanwhile is pending
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(room.seats[i + kAhead].listener(), 1);
    const Seat seat = room.seats[i];
    if (seat.is(Seat::kActive) || (seat.is(Seat::kBehind) && catches_up(*at, i, event))) {
      hand(*seat.listener(), event);
    }
  }
  if (room.hold) hold(*at, event);
  if (event.detaches_subject) detach_subject(*at, event.users.front());
}

bool RoomIndex::Implementation::catches_up(RoomEntry& entry, std::size_t seat,
                                           const wire::WireEvent& event) {
  Listener& listener = *entry.second.seats[seat].listener();
  if (event.sequence <= find_attachment(*listener.registration_, entry.first)->upto) return false;
  entry.second.seats[seat] = Seat(listener, Seat::kActive);
  return true;
}

void RoomIndex::Implementation::hold(RoomEntry& entry, const wire::WireEvent& event) {
  entry.second.hold->push(event);
  while (entry.second.hold) {
    Listener* overflowed = entry.second.hold->find_overflowed(kHeldEventsMax);
    if (overflowed == nullptr) break;
    detach(entry.first, *overflowed);
    overflowed->on_held_overflow(entry.first);
  }
}

// Pending listeners stay: whether the leave is before or after their snapshot is known at release.
// So do those behind: it is before their snapshot, which had them as members again.
void RoomIndex::Implementation::detach_subject(RoomEntry& entry, const UserId& user) {
  const std::size_t count = entry.second.seats.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Seat seat = entry.second.seats[i];
    if (!seat.is(Seat::kActive)) continue;
    Listener& listener = *seat.listener();
    if (listener.registration_->user != user) continue;
    detach(entry.first, listener);
    listener.on_detached(entry.first);
  }
}

void RoomIndex::Implementation::deliver_to_users(const wire::WireEvent& event) {
  for (const UserId& user : event.users) {
    users.for_each_of(user, [&](Registration& r) { collected.push_back(r.listener); });
    call_collected([&](Listener& listener) { hand(listener, event); });
    if (event.ends_membership) note_membership_ended(user);
  }
}

void RoomIndex::Implementation::deliver_to_session(const wire::WireEvent& event) {
  const auto collect = [&](const Registration& registration) {
    if (registration.session == event.session) collected.push_back(registration.listener);
  };
  if (event.users.empty()) {
    users.for_each(collect);
  } else {
    const UserId& user = event.users.front();
    users.for_each_of(user, collect);
    const auto [begin, end] = strays.equal_range(event.session);
    for (auto at = begin; at != end; ++at) {
      if (at->second->user != user) collected.push_back(at->second->listener);
    }
  }
  call_collected([&](Listener& listener) { listener.on_session_revoked(event); });
}

void RoomIndex::Implementation::deliver_to_watchers(const wire::WireEvent& event) {
  const auto at = watchers.find(event.users.front());
  if (at == watchers.end()) return;
  collected.assign(at->second.begin(), at->second.end());
  call_collected([&](Listener& listener) { hand(listener, event); });
}

}  // namespace maru::fanout
