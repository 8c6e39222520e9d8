// What the event handlers of one I/O thread share: its sockets, answers, and the three ways to ask
// others (readers, sequencer, later) whose answers come back to this thread by key. Owner thread
// only. It outlives the queries and commands that it has sent: app/ stops the readers and the
// sequencer before it goes, and a task posted to an ended I/O thread is dropped.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/job.hpp"
#include "base/memory.hpp"
#include "gateway/asking.hpp"
#include "gateway/await.hpp"
#include "gateway/context.hpp"
#include "gateway/delayed_tasks.hpp"
#include "gateway/events/client_session.hpp"
#include "gateway/events/event_call.hpp"
#include "gateway/events/presence_check.hpp"
#include "gateway/events/session_check.hpp"
#include "gateway/events/session_table.hpp"
#include "gateway/rate_limiter.hpp"
#include "gateway/read_turns.hpp"
#include "gateway/task_runner.hpp"
#include "json/reader.hpp"
#include "wire/encoded_chat.hpp"

namespace maru::gateway {

// To be taken up once more later.
[[nodiscard]] HeldEvent hold_on_to(const IncomingEvent& call);
// Without its payload: for RealtimeCore::admit() after a look.
[[nodiscard]] IncomingEvent later_call(const HeldEvent& held, SessionKey session,
                                       std::string_view name);

// Whether the socket's next events wait until this one has its answer. They must where a later one
// could overtake it on its way to the sequencer, and where it attaches or detaches: one such event
// at a time.
enum class Input : std::uint8_t { kFlows, kWaits };

class RealtimeCore {
 public:
  explicit RealtimeCore(Context& context_in);
  ~RealtimeCore();
  RealtimeCore(const RealtimeCore&) = delete;
  RealtimeCore& operator=(const RealtimeCore&) = delete;

  Context& context;
  fanout::RoomIndex& rooms;
  SessionTable sessions;
  DelayedTasks delays;
  SessionCheckState checks;
  PresenceCheckState presence_checks;
  wire::EncodedChats encoded_chats;
  std::size_t leaves_waiting = 0;  // for their grace

  // ---- events in ----
  void receive(ClientSession& session, const IncomingEvent& call);
  // Handles what waits in line as long as nothing blocks. The session may be gone after it.
  void drain(SessionKey key);
  void drain_later(SessionKey key) {
    post_self([this, key] { drain(key); });
  }
  // Starts a task of the socket: it ends where it waits once that has gone.
  void start(SessionKey session, Task<void> task);
  // Hands over a command of the socket and awaits the outcome without a task: then(ClientSession&,
  // const chat::Reply&), if the socket is still there. For what waits for nothing else.
  template <class Then>
  void submit(ClientSession& session, chat::CommandBody&& body, Then then);
  // Starts one that is no socket's, or none's yet.
  void start(Task<void> task, TaskRunner::Wanted wanted = {}) {
    tasks_.start(std::move(task), std::move(wanted));
  }
  // Takes one from each bucket, or from none. False: the event was put in line for later, or
  // refused; the handler returns. Called once per handler, before anything has an effect. All that
  // an event waits for its rates is bounded by rate_delay_max_ms.
  [[nodiscard]] bool admit(ClientSession& session, const IncomingEvent& call,
                           std::initializer_list<Toll> tolls, Admission reached = Admission::kAll);

  // ---- answers ----
  // `arguments_json` is a whole JSON array. Nothing happens without an ack.
  void acknowledge(ClientSession& session, const EventCaller& caller,
                   std::string_view arguments_json);
  // `{ok:false,error:{problem}}`, or the event `problem` without an ack.
  void refuse(ClientSession& session, const EventCaller& caller, const Error& error);
  // The same of a bucket that has too little; too many in a row end the socket at once. What it was
  // refused with.
  Error refuse_rate(ClientSession& session, const EventCaller& caller, std::string_view event,
                    const Toll& toll);
  std::string next_request_id();
  // The socket's client has to come back: there was no memory for what it should have heard.
  void lose(SessionKey session) {
    if (ClientSession* const loser = sessions.find(session)) loser->on_event_lost();
  }
  [[nodiscard]] auto later(std::int64_t delay_ms) {
    return called_back<bool>([this, delay_ms](Giver<bool> give) -> std::optional<bool> {
      delays.after(delay_ms, [give = std::move(give)]() mutable { give(true); });
      return std::nullopt;
    });
  }

  // ---- asking others ----
  // `work` (Result<R>(chat::Snapshot&)) runs on a reader; `then` (void(ClientSession&, Result<R>))
  // here, unless the socket is gone by then. kOverloaded comes at once when the readers are full,
  // kUnavailable when a stop drops it.
  template <class R, class Work, class Then>
  void query(ClientSession& session, Input input, Work work, Then then);
  // The same for what reads much: in the bulk lane, one at a time of each reader, paid by the row.
  // kRateLimited comes at once when `waiting_max` wait already.
  template <class R, class Work, class Then>
  void query_in_turn(ClientSession& session, Input input, std::size_t waiting_max, Work work,
                     Then then);
  // Whose share of the reading it is (rest/flow.cpp has the same for calls).
  [[nodiscard]] static Toll read_share(const ClientSession& session);
  // `then` is void(ClientSession&, chat::Reply).
  template <class Then>
  void submit(ClientSession& session, Input input, chat::CommandBody body, Then then);
  // `then` is void(ClientSession&, T); gives the callback that Presence asks for.
  template <class T, class Then>
  std::move_only_function<void(T)> answer_here(ClientSession& session, Then then);

  void post_self(Job task) { context.thread.post(std::move(task)); }
  // Runs visit(RealtimeCore&) there, on that thread; dropped if it has ended.
  template <class Visit>
  void post_to(unsigned thread, Visit visit) {
    context.all_threads.at(thread)->post(
        [&cores = context.realtime_cores, thread, visit = std::move(visit)]() mutable {
          if (RealtimeCore* there = cores[thread]) visit(*there);
        });
  }

 private:
  // What waits for a query's result, on any thread. Posts `then` exactly once, destroyed without a
  // result with kUnavailable.
  template <class R, class Then>
  class Asking {
   public:
    Asking(RealtimeCore& core, SessionKey key, Input input, Then then)
        : core_(core), key_(key), input_(input), then_(std::move(then)) {}
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking() {
      if (!then_) return;
      // Another thread can wait for the memory to say it; this one ends the session instead.
      const bool said = memory::survive([this] {
        std::optional<memory::Patience> patience;
        if (!core_.context.thread.on_this_thread()) patience.emplace();
        give(fail(ErrorCode::kUnavailable, "The server is stopping; try again."));
      });
      if (!said) core_.end_stuck(key_);
    }
    void give(Result<R> result) {
      auto then = std::move(*then_);
      then_.reset();
      // Another thread can wait for the memory to say it.
      std::optional<memory::Patience> patience;
      if (!core_.context.thread.on_this_thread()) patience.emplace();
      const bool posted = memory::survive([&] {
        core_.post_self([&core = core_, key = key_, input = input_, then = std::move(then),
                         result = std::move(result)]() mutable {
          core.go_on(key, input, [&](ClientSession& asker) { then(asker, std::move(result)); });
        });
      });
      if (!posted) core_.end_stuck(key_);
    }
    // On the socket's own thread, at once.
    void give_now(ClientSession& session, Error error) {
      auto then = std::move(*then_);
      then_.reset();
      then(session, Result<R>(std::unexpected(std::move(error))));
      core_.finish(key_, input_);
    }

   private:
    RealtimeCore& core_;
    SessionKey key_;
    Input input_;
    std::optional<Then> then_;
  };

  void begin(ClientSession& session, Input input);
  void finish(SessionKey key, Input input);
  // Its operation will never end: there was no memory to say so. This thread.
  void end_stuck(SessionKey key) {
    if (ClientSession* const session = sessions.find(key)) session->on_event_lost();
  }
  // What an operation had to wait for is here. Without memory to go on its client has to come back.
  template <class Body>
  void go_on(SessionKey key, Input input, Body body) {
    ClientSession* asker = sessions.find(key);
    if (asker != nullptr && !memory::survive([&] { body(*asker); })) {
      asker = sessions.find(key);
      if (asker != nullptr) asker->on_event_lost();
    }
    finish(key, input);
  }

  template <class Then>
  void go_on(SessionKey key, const chat::Reply& reply, const Then& then);
  // Awaits the reply; dropped without, on any thread, it is kUnavailable.
  template <class Then>
  class Awaiting {
   public:
    Awaiting(RealtimeCore& core, SessionKey key, Then then)
        : core_(&core), key_(key), then_(std::move(then)) {}
    Awaiting(Awaiting&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)),
          key_(other.key_),
          then_(std::move(other.then_)) {}
    Awaiting& operator=(Awaiting&&) = delete;
    Awaiting(const Awaiting&) = delete;
    Awaiting& operator=(const Awaiting&) = delete;
    ~Awaiting() {
      if (core_ == nullptr) return;
      const memory::Patience patience;  // there is no dropping half of it
      core_->post_self([core = core_, key = key_, then = std::move(then_)] {
        core->go_on(key, std::unexpected(stopping()), then);
      });
    }
    void operator()(const chat::Reply& reply) {
      std::exchange(core_, nullptr)->go_on(key_, reply, then_);
    }

   private:
    RealtimeCore* core_;
    SessionKey key_;
    Then then_;
  };

  json::Parser parser_;
  SessionKey draining_ = 0;
  std::uint64_t requests_ = 0;
  TaskRunner tasks_;  // last: what they hold uses the rest
};

template <class R, class Work, class Then>
void RealtimeCore::query(ClientSession& session, Input input, Work work, Then then) {
  // Shared, for a refused query may have been moved from.
  auto asking = std::make_shared<Asking<R, Then>>(*this, session.key, input, std::move(then));
  begin(session, input);
  const bool posted = context.queries.post(
      chat::Lane::kUrgent, [asking, work = std::move(work)](chat::Snapshot& snapshot) mutable {
        asking->give(Result<R>(work(snapshot)));
      });
  if (posted) return;
  asking->give_now(session,
                   Error{ErrorCode::kOverloaded, "Too much to read at the moment.", {}, 0});
}

template <class R, class Work, class Then>
void RealtimeCore::query_in_turn(ClientSession& session, Input input, std::size_t waiting_max,
                                 Work work, Then then) {
  auto asking = std::make_shared<Asking<R, Then>>(*this, session.key, input, std::move(then));
  begin(session, input);
  const Toll share = read_share(session);
  auto go = [this, asking, share, work = std::move(work)](ReadTurns::Turn turn) mutable {
    const bool posted = context.queries.post(
        chat::Lane::kBulk, [this, asking, share, work = std::move(work),
                            turn = std::move(turn)](chat::Snapshot& snapshot) mutable {
          Result<R> result = work(snapshot);
          // Before the answer, so that whoever has it has paid for it.
          charge_for_rows(context.limiter, context.options, share, snapshot.rows_read());
          asking->give(std::move(result));
        });
    if (!posted) {
      asking->give(fail(ErrorCode::kOverloaded, "Too much to read at the moment."));
    }
  };
  switch (context.read_turns.enter(share.key, waiting_max, std::move(go))) {
    case ReadTurns::Entering::kEntered:
      return;
    case ReadTurns::Entering::kFull:
      return asking->give_now(session,
                              Error{ErrorCode::kRateLimited,
                                    "Too much to read at once; wait for the other answers.",
                                    {},
                                    1'000});
    case ReadTurns::Entering::kClosed:
      return asking->give_now(
          session, Error{ErrorCode::kUnavailable, "The server is stopping; try again.", {}, 1'000});
  }
}

template <class Then>
void RealtimeCore::submit(ClientSession& session, Input input, chat::CommandBody body, Then then) {
  const SessionKey key = session.key;
  begin(session, input);
  chat::ReplyHandler handler(context.thread.index(), [this, key, input, then = std::move(then)](
                                                         chat::Reply reply) mutable {
    go_on(key, input, [&](ClientSession& asker) { then(asker, std::move(reply)); });
  });
  chat::Command command{std::move(body), std::move(handler)};
  if (context.commands.submit(std::move(command))) return;
  // A refused command is left as it was. NOLINTNEXTLINE(bugprone-use-after-move)
  command.reply(fail(ErrorCode::kOverloaded, "Too much to do at the moment."));
}

template <class T, class Then>
std::move_only_function<void(T)> RealtimeCore::answer_here(ClientSession& session, Then then) {
  const SessionKey key = session.key;
  begin(session, Input::kFlows);
  return [this, key, then = std::move(then)](T value) mutable {
    context.thread.post([this, key, then = std::move(then), value = std::move(value)]() mutable {
      go_on(key, Input::kFlows, [&](ClientSession& asker) { then(asker, std::move(value)); });
    });
  };
}

template <class Then>
void RealtimeCore::submit(ClientSession& session, chat::CommandBody&& body, Then then) {
  session.begin_operation(context.options.commands_in_flight_max);
  const SessionKey key = session.key;
  chat::Command command{
      std::move(body),
      chat::ReplyHandler(context.thread.index(), Awaiting<Then>(*this, key, std::move(then))),
      {}};
  if (context.commands.submit(std::move(command))) return;
  // A refused command is left as it was. NOLINTNEXTLINE(bugprone-use-after-move)
  command.reply(std::unexpected(overloaded()));
}

template <class Then>
void RealtimeCore::go_on(SessionKey key, const chat::Reply& reply, const Then& then) {
  ClientSession* const session = sessions.find(key);
  if (session == nullptr) return;
  const bool done = memory::survive([&] {
    then(*session, reply);
    session->end_operation(context.options.commands_in_flight_max);
    drain(key);
  });
  if (!done) lose(key);
}

}  // namespace maru::gateway
