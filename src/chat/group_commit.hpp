// Decides batches of commands, makes each batch durable with one append, and only then lets replies
// and events out: the output gate. The sequencer without its thread.
//
// What happens to a batch, by what its append comes to:
//   kCommitted     events are published, then the replies go out, in order. Events first: whoever
//                  holds an answer can rely on its events being on their way.
//   kUnavailable   every command of the batch is answered kUnavailable, refusals too: they were
//                  decided on state that never came to be. What the batch touched is forgotten, so
//                  heads go back and the next batch leaves no gap.
//   kConflict      something knew better than the cache: every command of the batch is looked up
//                  (and no others), those that are found are answered, the rest is decided again;
//                  then, if need be, one command at a time. A single command that still conflicts
//                  is answered kInternal and logged.
//   kGivenUp       every command of the batch is answered kUnknown, and so is whatever comes later:
//                  nothing is decided any more on a state that nobody knows.
//   no memory      before the append: as kUnavailable, for the commands that were decided. After it
//                  the sequencer waits for memory (base/memory.hpp): what is durable is told, and
//                  told whole.
// A command that was delivered before is looked up before it is decided, and what is found is told
// again: whoever decided it may have ended in between. What a chat's command comes to without a
// record is noted, so that it is found too.
// A batch without changes needs no append: nothing in it rests on state that is not durable.
//
// Owner: the sequencer's thread. Blocks on the store.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/settled_clock.hpp"
#include "chat/chat_core.hpp"
#include "chat/command.hpp"
#include "chat/lane_counters.hpp"
#include "chat/ports/event_bus.hpp"
#include "chat/ports/store.hpp"
#include "chat/working_state.hpp"

namespace maru::chat {

// Called after a batch in which users have ended; it must not block.
using OnUsersEnding = std::function<void()>;

class GroupCommit {
 public:
  GroupCommit(Store& store, EventBus& bus, const Clock& clock, IdSource& ids,
              LaneCounters& counters, CacheLimits limits = {}, Quotas quotas = {},
              OnUsersEnding on_users_ending = {});

  // One batch, or a few where Store::batch_max cuts it. Every reply has been handed over when it
  // returns: called, or published behind its events where its handler names an I/O thread.
  void run(std::span<Command> commands);

 private:
  enum class Cut { kAtBatchMax, kNever };
  enum class Outcome { kDone, kConflict };
  enum class LookUp { kRedelivered, kAll };

  std::size_t run_batch(std::span<Command> commands);
  void run_again(std::span<Command> batch);
  void run_alone(Command& command);

  std::size_t refuse_for_want(std::span<Command> commands, std::size_t decided);
  std::size_t decide(std::span<Command> commands, Cut cut, LookUp look_up);
  // What is stored of those that may have been decided before. False: the store cannot say.
  bool find_outcomes(std::span<const Command> commands, LookUp look_up);
  [[nodiscard]] Reply decide_one(const Command& command, const Stamp& stamp);
  [[nodiscard]] Reply answer_found(const Command& command, const StoredOutcome& outcome);
  // How the command can be found: in its record, or in a note.
  void leave_trace(const Command& command, std::size_t changes_before, const Reply& reply);
  [[nodiscard]] Outcome finish(std::span<Command> batch);
  [[nodiscard]] Appended append();
  void release(std::span<Command> batch);
  void refuse(std::span<Command> batch, const Error& error);
  void answer(Command& command, Reply reply);
  void hand_over(std::vector<Event>&& events);

  Store& store_;
  EventBus& bus_;
  const Clock& clock_;
  const SettledClock lifetimes_{clock_};
  IdSource& ids_;
  LaneCounters& counters_;
  const OnUsersEnding on_users_ending_;
  WorkingState state_;
  ChatCore core_;

  bool store_failing_ = false;  // and that has been logged
  bool given_up_ = false;

  // Of the open batch.
  Effects effects_;
  std::vector<Reply> replies_;
  std::vector<Answer> homed_;  // answers on their way, by whether their handlers name a thread
  std::vector<Answer> own_;
  std::vector<std::optional<StoredOutcome>> found_;  // of each command; empty: none was looked up
};

}  // namespace maru::chat
