// One event of a client on its way to its answer. It lives in the task that serves it
// (event_router.cpp), on its socket's I/O thread; a query of that task may ask it who asks
// meanwhile. It is answered exactly once: if its task ends without (a queue that closes, a stop),
// that answers it kUnavailable; if for want of memory, its client has to come back. A task whose
// socket has gone ends where it waited (TaskRunner::Wanted).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/events/client_session.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/request.hpp"
#include "json/reader.hpp"

namespace maru::gateway {

class RealtimeCore;

// An event as it comes in. Views end with the call.
struct IncomingEvent {
  std::string_view name;
  json::Value payload;    // arguments[1]
  std::string_view text;  // the whole array
  std::optional<endpoint::AckId> ack;
  bool binary = false;
  // Well-formed, but past a bound of the parser: no name, no payload.
  const Error* refused = nullptr;
  bool has_paid = false;  // its connection's rate
  std::int64_t waited_ms = 0;
};

// Who a socket is, as it was when an event came; a value, for readers too.
struct Asker {
  Asker(AuthMode mode_in, const ClientSession& session)
      : mode(mode_in), user(session.user), login_user(session.login_user) {}

  // The payload's `id_field` and `name_field`, of static storage, are read in open mode only.
  // Errors: kValidationFailed, kUnauthenticated (open mode: nobody is named, now or before).
  [[nodiscard]] Result<Asks> asks(json::Value payload, const char* id_field,
                                  const char* name_field) const;
  // Who that is, where it takes no look into the store.
  [[nodiscard]] std::optional<UserId> known(const Asks& asks) const;

  AuthMode mode;
  UserId user;        // whom it speaks for; zero: nobody yet
  UserId login_user;  // whom its token proves; zero: nobody
};

// From now on the socket is that user (open mode): it hears the user's events, and the user counts
// as online for a while. Nothing changes in accounts.
void speak_for(RealtimeCore& core, ClientSession& session, UserId user);

// Whose share of the reading a socket's is: its login's, or of the network it came from.
[[nodiscard]] Toll read_share_of(const ClientSession& session);

class EventCall final : public Request {
 public:
  // `operation` in operations(), which has such an event.
  EventCall(RealtimeCore& core, ClientSession& session, std::size_t operation,
            const IncomingEvent& event);
  ~EventCall() override;

  [[nodiscard]] RealtimeCore& core() const { return core_; }
  [[nodiscard]] SessionKey key() const { return key_; }
  // There whenever the task runs, but after a refusal that cut it off.
  [[nodiscard]] ClientSession& session() const;

  // ---- the answer ----
  [[nodiscard]] bool wants_answer() const { return ack_.has_value(); }
  // `arguments_json` is a whole JSON array. Without an ack nothing is sent.
  void acknowledge(std::string_view arguments_json);
  // `{ok:false,error:{problem}}`, or the event `problem` without an ack. Nothing once it is
  // answered.
  void refuse(const Error& error);
  // There was no memory to go on.
  void lose();

  // ---- who asks ----
  [[nodiscard]] const Asker& asker() const { return asker_; }
  // The user as whom it counts for a rate, where the id is known without a look: a name is no
  // second bucket. (An id that is nobody's is refused later.)
  [[nodiscard]] static std::optional<UserId> counts_as(const Asks& asks) { return asks.named.id; }
  void speak_for(UserId user) { gateway::speak_for(core_, session(), user); }

  // ---- Request ----
  [[nodiscard]] Result<Caller> identify(chat::Snapshot& snapshot, const Asks& asks) override;
  [[nodiscard]] std::optional<Caller> known(const Asks& asks) const override;
  [[nodiscard]] Toll read_share(const Caller& caller) const override;
  [[nodiscard]] Result<std::int64_t> pay(const Tolls& tolls, const UserId& actor) override;
  Task<void> delay(std::int64_t delay_ms) override;
  [[nodiscard]] std::unexpected<Error> refuse_read() override;
  void after(std::int64_t delay_ms, Job job) override;
  void audit(std::string_view event, const UserId& user, const ChatId& chat) const override;

  // It is not in flight any more, though it is not answered: it waits for its time, as a leave.
  void rest();

 private:
  RealtimeCore& core_;
  const SessionKey key_;
  const std::size_t operation_;
  const std::optional<endpoint::AckId> ack_;
  const Asker asker_;
  const Toll share_;
  std::int64_t waited_ms_;
  bool is_answered_ = false;
  bool is_in_flight_ = true;
};

// The socket's next events wait as long as it lives: where a later one could overtake this one on
// its way to the sequencer, and where it attaches or detaches: one such event at a time.
class NextEventsWait {
 public:
  explicit NextEventsWait(const EventCall& call);
  ~NextEventsWait();
  NextEventsWait(const NextEventsWait&) = delete;
  NextEventsWait& operator=(const NextEventsWait&) = delete;

 private:
  RealtimeCore& core_;
  const SessionKey key_;
};

// A chat whose events are held for the socket, from here on (fanout/room_index.hpp has the four
// steps), until it is settled; otherwise it is abandoned. Those of a socket follow each other.
class PendingAttachment {
 public:
  // Nothing: the socket hears too many chats.
  static std::optional<PendingAttachment> attach(const EventCall& call, ChatId chat);
  PendingAttachment(PendingAttachment&& other) noexcept;
  PendingAttachment& operator=(PendingAttachment&&) = delete;
  PendingAttachment(const PendingAttachment&) = delete;
  PendingAttachment& operator=(const PendingAttachment&) = delete;
  ~PendingAttachment();

  [[nodiscard]] ChatId chat() const { return chat_; }
  // It was attached before: it stays so without this.
  [[nodiscard]] bool was_attached() const { return was_attached_; }
  // False once it was detached meanwhile: the user was removed, or too much was held.
  [[nodiscard]] bool is_attached() const;
  // The events after `upto` go out, those up to it are dropped; all that come follow.
  void settle(Sequence upto);

 private:
  PendingAttachment(RealtimeCore& core, SessionKey key, ChatId chat, bool was_attached)
      : core_(&core), key_(key), chat_(chat), was_attached_(was_attached) {}

  RealtimeCore* core_;  // null: settled
  SessionKey key_;
  ChatId chat_;
  bool was_attached_;
};

}  // namespace maru::gateway
