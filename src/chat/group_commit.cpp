#include "chat/group_commit.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "chat/outcome.hpp"

namespace maru::chat {
namespace {

void count(std::atomic<std::uint64_t>& counter, std::uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

// In rows that are written, about: a new chat brings its members along.
std::size_t weight_of(const Change& change) {
  const auto* inserted = std::get_if<ChatInserted>(&change);
  return inserted ? 1 + inserted->members.size() : 1;
}

Error not_read() {
  return {ErrorCode::kUnavailable, "The store cannot be read at the moment.", {}, 0};
}

Error not_written() {
  return {ErrorCode::kUnavailable, "The store cannot be written at the moment.", {}, 0};
}

Error not_known() {
  return {ErrorCode::kUnknown,
          "The outcome is not known; send it again with the same clientMsgId.",
          {},
          0};
}

}  // namespace

GroupCommit::GroupCommit(Store& store, EventBus& bus, const Clock& clock, IdSource& ids,
                         LaneCounters& counters, CacheLimits limits, Quotas quotas,
                         OnUsersEnding on_users_ending)
    : store_(store),
      bus_(bus),
      clock_(clock),
      ids_(ids),
      counters_(counters),
      on_users_ending_(std::move(on_users_ending)),
      state_(store, limits),
      core_(state_, quotas) {}

void GroupCommit::run(std::span<Command> commands) {
  while (!commands.empty()) commands = commands.subspan(run_batch(commands));
}

std::size_t GroupCommit::run_batch(std::span<Command> commands) {
  if (given_up_) {
    refuse(commands, not_known());
    return commands.size();
  }
  std::size_t size = 0;
  const bool done = memory::survive([&] {
    const auto batch = commands.first(decide(commands, Cut::kAtBatchMax, LookUp::kRedelivered));
    size = batch.size();
    count(counters_.batches);
    counters_.batch_commands.record(batch.size());
    if (finish(batch) == Outcome::kConflict) run_again(batch);
  });
  if (!done) size = refuse_for_want(commands, size);
  counters_.send_looks.store(state_.send_looks(), std::memory_order_relaxed);
  [[maybe_unused]] const bool kept_house = memory::survive([this] { store_.after_release(); });
  return size;
}

// For want of memory, before anything was appended; those already answered one by one were not so.
std::size_t GroupCommit::refuse_for_want(std::span<Command> commands, std::size_t decided) {
  const memory::Patience patience;
  state_.rollback();
  const auto batch = commands.first(decided != 0 ? decided : replies_.size() + 1);
  refuse(batch, Error{ErrorCode::kUnavailable, "The server has no memory to spare.", {}, 0});
  return batch.size();
}

void GroupCommit::run_again(std::span<Command> batch) {
  decide(batch, Cut::kNever, LookUp::kAll);
  if (finish(batch) == Outcome::kDone) return;
  for (Command& command : batch) run_alone(command);
}

void GroupCommit::run_alone(Command& command) {
  decide({&command, 1}, Cut::kNever, LookUp::kAll);
  if (finish({&command, 1}) == Outcome::kDone) return;
  log::error("command_conflicts", {{"command", command.body.index()}});
  count(counters_.internal);
  refuse({&command, 1}, Error{ErrorCode::kInternal, "The command could not be stored.", {}, 0});
}

std::size_t GroupCommit::decide(std::span<Command> commands, Cut cut, LookUp look_up) {
  effects_.changes.clear();
  effects_.events.clear();
  effects_.bytes = {};
  effects_.ends_users = false;
  replies_.clear();
  if (!find_outcomes(commands, look_up)) {
    replies_.assign(commands.size(), std::unexpected(not_read()));
    return commands.size();
  }
  const Stamp stamp{clock_.wall(), lifetimes_.wall(), ids_, store_.room(clock_.monotonic())};
  const std::size_t weight_max = store_.batch_max();
  std::size_t weight = 0;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (cut == Cut::kAtBatchMax && weight >= weight_max) break;
    const std::size_t before = effects_.changes.size();
    const bool is_found = i < found_.size() && found_[i];
    replies_.push_back(is_found ? answer_found(commands[i], *found_[i])
                                : decide_one(commands[i], stamp));
    for (const Change& change : std::span(effects_.changes).subspan(before)) {
      weight += weight_of(change);
    }
  }
  return replies_.size();
}

bool GroupCommit::find_outcomes(std::span<const Command> commands, LookUp look_up) {
  found_.clear();
  std::vector<CommandKey> keys;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (look_up == LookUp::kRedelivered && !commands[i].redelivered) continue;
    if (const auto key = key_of(commands[i])) {
      keys.push_back(*key);
      places.push_back(i);
    }
  }
  if (keys.empty()) return true;
  auto outcomes = state_.find_outcomes(keys);
  if (!outcomes) return false;
  found_.resize(commands.size());
  for (std::size_t k = 0; k < keys.size(); ++k) found_[places[k]] = std::move((*outcomes)[k]);
  return true;
}

Reply GroupCommit::answer_found(const Command& command, const StoredOutcome& outcome) {
  if (command.redelivered && outcome.record) {
    effects_.events.emplace_back(RecordCommitted{outcome.record});
  }
  return answer_stored(command.body, outcome, state_);
}

Reply GroupCommit::decide_one(const Command& command, const Stamp& stamp) {
  const std::size_t before = effects_.changes.size();
  Reply reply = core_.decide(command.body, stamp, effects_);
  leave_trace(command, before, reply);
  return reply;
}

void GroupCommit::leave_trace(const Command& command, std::size_t changes_before,
                              const Reply& reply) {
  for (Change& change : std::span(effects_.changes).subspan(changes_before)) {
    auto* appended = std::get_if<RecordAppended>(&change);
    if (!appended) continue;
    appended->command = command.id;
    return;
  }
  const auto key = key_of(command);
  if (!key) return;
  if (auto noted = noted_of(*key, reply, state_.known_head(key->chat))) {
    effects_.changes.emplace_back(std::move(*noted));
    state_.apply(effects_.changes.back());
  }
}

GroupCommit::Outcome GroupCommit::finish(std::span<Command> batch) {
  const Appended appended = append();
  const memory::Patience patience;
  if (appended == Appended::kCommitted) {
    state_.commit();
    release(batch);
    return Outcome::kDone;
  }
  state_.rollback();
  switch (appended) {
    case Appended::kConflict:
      count(counters_.conflicts);
      return Outcome::kConflict;
    case Appended::kGivenUp:
      given_up_ = true;
      log::warn("store_given_up", {{"commands", batch.size()}});
      refuse(batch, not_known());
      break;
    default:
      // Once per outage: a full disk fails every batch, and logging would help to fill it.
      if (!std::exchange(store_failing_, true)) log::warn("store_unavailable");
      refuse(batch, not_written());
  }
  return Outcome::kDone;
}

Appended GroupCommit::append() {
  if (effects_.changes.empty()) return Appended::kCommitted;
  const auto began = std::chrono::steady_clock::now();
  const Appended appended = store_.append(effects_.changes);
  const memory::Patience patience;
  if (appended == Appended::kCommitted && std::exchange(store_failing_, false)) {
    log::info("store_available");
  }
  const auto took = std::chrono::steady_clock::now() - began;
  counters_.append_us.record(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  return appended;
}

void GroupCommit::release(std::span<Command> batch) {
  const auto records = std::ranges::count_if(effects_.events, [](const Event& event) {
    return std::holds_alternative<RecordCommitted>(event);
  });
  count(counters_.records, static_cast<std::uint64_t>(records));
  for (std::size_t type = 0; type < kAccountTypes; ++type) {
    count(counters_.bytes_by_type.at(type), effects_.bytes.at(type));
  }
  homed_.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) answer(batch[i], std::move(replies_[i]));
  hand_over(std::exchange(effects_.events, {}));
  if (effects_.ends_users && on_users_ending_) on_users_ending_();
}

void GroupCommit::refuse(std::span<Command> batch, const Error& error) {
  const memory::Patience patience;
  for (Command& command : batch) answer(command, std::unexpected(error));
  hand_over({});
}

void GroupCommit::answer(Command& command, Reply reply) {
  ReplyHandler handler = std::exchange(command.reply, nullptr);
  if (!handler) return;  // it was run alone, and another one of its batch found no memory
  count(counters_.commands);
  if (!reply && reply.error().code == ErrorCode::kUnavailable) count(counters_.unavailable);
  if (!reply && reply.error().code == ErrorCode::kRateLimited) count(counters_.over_quota);
  auto& answers = handler.thread() == ReplyHandler::kAnyThread ? own_ : homed_;
  answers.push_back({std::move(handler), std::move(reply)});
}

void GroupCommit::hand_over(std::vector<Event>&& events) {
  if (!events.empty() || !homed_.empty()) {
    bus_.publish(std::move(events), std::exchange(homed_, {}));
  }
  for (Answer& own : own_) own.handler(std::move(own.reply));
  own_.clear();
}

}  // namespace maru::chat
