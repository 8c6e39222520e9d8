// A load on a sequencer for benchmarks: messages of 200 bytes over 1,000 groups of 10, every one
// answered. Which store it runs into is the benchmark's choice.
//
// One core: run the benchmark under `taskset -c 0`; the thread that submits then counts, too.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "chat/command_lane.hpp"
#include "chat/testing/quiet_bus.hpp"
#include "chat/testing/seeded_ids.hpp"
#include "commandlog/local/local_command_log.hpp"

namespace maru::chat::testing {

inline constexpr std::size_t kLoadChats = 1'000;
inline constexpr std::size_t kLoadMembers = 10;
inline constexpr std::size_t kLoadMessagesPerRound = 20'000;

class NullBus final : public QuietBus {
 public:
  void on_published(std::vector<Event>&& events) override {
    benchmark::DoNotOptimize(events.data());
  }
};

enum class ClientIds { kNone, kTimeOrdered, kRandom };

// The form of a UUID, as clients send it.
inline std::string make_client_id(ClientIds kind, std::uint64_t count, std::mt19937_64& random) {
  const std::uint64_t high =
      kind == ClientIds::kTimeOrdered ? 0x0199'0000'0000'7000 + (count << 16) : random();
  const std::uint64_t low = random();
  char text[37];
  std::snprintf(text, sizeof text, "%08llx-%04llx-7%03llx-8%03llx-%012llx",
                static_cast<unsigned long long>(high >> 32),
                static_cast<unsigned long long>(high >> 16 & 0xFFFF),
                static_cast<unsigned long long>(high & 0xFFF),
                static_cast<unsigned long long>(low >> 52),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFF));
  return text;
}

// A sequencer with its chats, and one thread that keeps `window` messages in flight, or sends at a
// steady rate.
class Load {
 public:
  // Into chats that are there: each with one of its members, who writes.
  Load(Store& store, ClientIds ids, std::vector<ChatId> chats, std::vector<UserId> writers)
      : ids_(ids),
        users_(std::move(writers)),
        chats_(std::move(chats)),
        sequencer_(log_, store, bus_, clock_, id_source_, {.quotas = {.enabled = false}}) {}
  Load(Store& store, ClientIds ids)
      : ids_(ids),
        sequencer_(log_, store, bus_, clock_, id_source_, {.quotas = {.enabled = false}}) {
    for (std::size_t i = 0; i < kLoadMembers; ++i) {
      const std::string name = "user" + std::to_string(i);
      NewSession session;
      session.token.fill(static_cast<std::uint8_t>(i));
      users_.push_back(
          ask<LoggedIn>(OpenGuest{name, name, GuestRule::kNameMustBeFree, session}).user.id);
    }
    for (std::size_t i = 0; i < kLoadChats; ++i) {
      chats_.push_back(
          ask<ChatCreated>(CreateChat{users_[0], "group", false, users_, {}}).document.chat.id);
    }
  }

  // Returns when all are answered.
  void send(std::size_t count, std::size_t window) {
    for (std::size_t i = 0; i < count; ++i) {
      while (sent_ - answered_.load(std::memory_order_relaxed) >= window) wait();
      submit({next_message(), [this](const Reply& reply) {
                if (!reply) failed_.fetch_add(1, std::memory_order_relaxed);
                answered_.fetch_add(1, std::memory_order_release);
                answered_.notify_one();
              }});
      ++sent_;
    }
    while (answered_.load(std::memory_order_acquire) < sent_) wait();
  }

  // Open loop: each is sent when it is due, whatever became of those before it. How long each took
  // from when it was due to its answer, in milliseconds.
  std::vector<double> send_at_rate(std::size_t count, double per_second) {
    std::vector<double> took(count);
    const auto start = Steady::now();
    for (std::size_t i = 0; i < count; ++i) {
      const auto due =
          start + std::chrono::duration_cast<Steady::duration>(
                      std::chrono::duration<double>(static_cast<double>(i) / per_second));
      while (Steady::now() < due) std::this_thread::sleep_until(due);
      submit({next_message(), [this, due, at = &took[i]](const Reply& reply) {
                *at = std::chrono::duration<double, std::milli>(Steady::now() - due).count();
                if (!reply) failed_.fetch_add(1, std::memory_order_relaxed);
                answered_.fetch_add(1, std::memory_order_release);
                answered_.notify_one();
              }});
      ++sent_;
    }
    while (answered_.load(std::memory_order_acquire) < sent_) wait();
    return took;
  }

  [[nodiscard]] std::size_t failed() const { return failed_.load(); }
  [[nodiscard]] const LaneCounters& counters() const { return sequencer_.counters(); }

 private:
  using Steady = std::chrono::steady_clock;

  void wait() {
    const std::size_t seen = answered_.load(std::memory_order_acquire);
    if (seen < sent_) answered_.wait(seen);
  }

  void submit(Command&& command) {
    while (!log_.submit(std::move(command))) std::this_thread::yield();
  }

  template <class Answer>
  Answer ask(CommandBody body) {
    std::optional<Reply> answer;
    std::atomic<bool> done{false};
    submit({std::move(body), [&](Reply reply) {
              answer = std::move(reply);
              done.store(true);
              done.notify_one();
            }});
    done.wait(false);
    return std::get<Answer>(std::move(**answer));
  }

  SendMessage next_message() {
    SendMessage message{chats_[sent_ % chats_.size()], users_[sent_ % users_.size()],
                        std::string(200, 'x'), std::nullopt};
    if (ids_ != ClientIds::kNone) message.client_msg_id = make_client_id(ids_, sent_, random_);
    return message;
  }

  const ClientIds ids_;
  std::mt19937_64 random_{std::random_device{}()};
  SystemClock clock_;
  SeededIds id_source_{std::random_device{}()};
  NullBus bus_;
  std::vector<UserId> users_;
  std::vector<ChatId> chats_;
  std::size_t sent_ = 0;
  std::atomic<std::size_t> answered_{0};
  std::atomic<std::size_t> failed_{0};
  local::LocalCommandLog log_{clock_, id_source_};
  CommandLane sequencer_;  // last: its thread ends before what it uses
};

inline double process_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Counters: cpu_us of the whole process per message, messages a batch.
inline void measure_sends(benchmark::State& state, Store& store) {
  const auto ids = static_cast<ClientIds>(state.range(0));
  const auto window = static_cast<std::size_t>(state.range(1));
  Load load(store, ids);
  load.send(kLoadMessagesPerRound, window);
  const std::uint64_t appends = load.counters().batches.load();
  const double cpu = process_cpu_seconds();
  for (auto _ : state) load.send(kLoadMessagesPerRound, window);
  const auto messages = static_cast<double>(state.iterations()) * kLoadMessagesPerRound;
  state.SetItemsProcessed(static_cast<std::int64_t>(messages));
  state.counters["cpu_us"] = (process_cpu_seconds() - cpu) * 1e6 / messages;
  state.counters["batch"] =
      messages / static_cast<double>(load.counters().batches.load() - appends);
  if (load.failed() > 0) state.SkipWithError("a message was refused");
}

inline void send_arguments(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"ids", "window"})
      ->ArgsProduct({{static_cast<int>(ClientIds::kNone), static_cast<int>(ClientIds::kTimeOrdered),
                      static_cast<int>(ClientIds::kRandom)},
                     {100, 2000}})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}
}  // namespace maru::chat::testing
