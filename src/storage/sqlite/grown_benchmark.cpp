// A store that has grown: 100,000 chats of 10 members, of which 1,000 are active. A fresh store
// hides what a long log costs.
//
//   MARU_BENCH_ROWS=10000000 MARU_BENCH_STORE=/var/tmp/grown grown_benchmark
//   MARU_BENCH_WAL=…       StoreOptions::wal_bytes_max
//   MARU_BENCH_SECONDS=10  how long each is measured
//
// The store is made where there is none and kept (each run adds to it, and lists its active chats
// for maru_load in active_chats.txt); without MARU_BENCH_STORE it lies in the working directory,
// which should be on a real disk, and goes with the program.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "chat/testing/sequencer_load.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/testing/filled_store.hpp"

namespace maru::sqlite {
namespace {

using chat::testing::ClientIds;
using testing::FilledShape;
using testing::FilledStore;
using testing::number_id;

constexpr FilledShape kShape;

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  return given ? std::strtoull(given, nullptr, 10) : otherwise;
}

double seconds() {
  return static_cast<double>(number_of("MARU_BENCH_SECONDS", 10));
}

// One a program: it takes minutes to make.
class Grown {
 public:
  static FilledStore& instance() {
    static Grown grown;
    return *grown.filled_;
  }

 private:
  Grown() {
    const char* kept = std::getenv("MARU_BENCH_STORE");
    directory_ = kept ? std::filesystem::path(kept)
                      : std::filesystem::current_path() / "grown_benchmark_data";
    if (!kept) std::filesystem::remove_all(directory_);
    is_kept_ = kept != nullptr;
    StoreOptions options;
    options.data_dir = directory_;
    options.wal_bytes_max = number_of("MARU_BENCH_WAL", options.wal_bytes_max);
    filled_.emplace(std::move(options), kShape);
    if (filled_->is_new()) fill(number_of("MARU_BENCH_ROWS", 200'000));
    filled_->list_active(directory_ / "active_chats.txt");
  }
  ~Grown() {
    filled_.reset();
    if (!is_kept_) std::filesystem::remove_all(directory_);
  }
  // A tenth is of today: in the chats that are active.
  void fill(std::uint64_t rows) {
    filled_->fill(rows - rows / 10, ClientIds::kTimeOrdered);
    filled_->fill_active(rows / 10, ClientIds::kTimeOrdered);
  }

  std::filesystem::path directory_;
  bool is_kept_ = false;
  std::optional<FilledStore> filled_;
};

chat::testing::Load make_load(FilledStore& filled, ClientIds ids) {
  std::vector<ChatId> chats;
  std::vector<UserId> writers;
  for (std::uint32_t n = 0; n < kShape.active; ++n) {
    chats.push_back(number_id<ChatId>(filled.active(n)));
    writers.push_back(number_id<UserId>(filled.writer_of_active(n)));
  }
  return {filled.store(), ids, std::move(chats), std::move(writers)};
}

// What a batch of 200 writes: the pages that a text costs.
void BM_GrownAppend(benchmark::State& state) {
  constexpr std::size_t kBatch = 200;
  FilledStore& grown = Grown::instance();
  grown.forget_heads();
  const auto ids = static_cast<ClientIds>(state.range(0));
  std::mt19937_64 random(11);
  std::uint64_t wal = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<chat::Change> batch;
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.emplace_back(grown.next_text(grown.active(random()), ids));
    }
    const std::uint64_t before = grown.store().wal_bytes();
    state.ResumeTiming();
    if (grown.store().append(batch) != chat::Appended::kCommitted) std::abort();
    const std::uint64_t after = grown.store().wal_bytes();
    wal += after > before ? after - before : after;
    grown.store().after_release();
  }
  const auto texts = static_cast<double>(state.iterations() * kBatch);
  state.SetItemsProcessed(static_cast<std::int64_t>(texts));
  state.counters["wal_bytes"] = static_cast<double>(wal) / texts;
}
BENCHMARK(BM_GrownAppend)->ArgName("ids")->DenseRange(0, 2)->UseRealTime()->MinTime(seconds());

// P7 on a log that has grown: durable messages a second through the sequencer.
void BM_GrownDurable(benchmark::State& state) {
  constexpr std::size_t kWindow = 2'000;
  constexpr std::size_t kRound = 20'000;
  chat::testing::Load load = make_load(Grown::instance(), static_cast<ClientIds>(state.range(0)));
  load.send(3 * kRound, kWindow);
  for (auto _ : state) load.send(kRound, kWindow);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRound));
  if (load.failed() > 0) state.SkipWithError("a message was refused");
}
BENCHMARK(BM_GrownDurable)->ArgName("ids")->DenseRange(0, 2)->UseRealTime()->MinTime(seconds());

// P8 without sockets: from when a message was due to its answer, at 20,000 a second.
void BM_GrownLatency(benchmark::State& state) {
  constexpr double kRate = 20'000;
  chat::testing::Load load = make_load(Grown::instance(), static_cast<ClientIds>(state.range(0)));
  (void)load.send_at_rate(static_cast<std::size_t>(3 * kRate), kRate);
  for (auto _ : state) {
    std::vector<double> took =
        load.send_at_rate(static_cast<std::size_t>(seconds() * kRate), kRate);
    std::ranges::sort(took);
    state.counters["p50_ms"] = took[took.size() / 2];
    state.counters["p99_ms"] = took[took.size() * 99 / 100];
    state.counters["max_ms"] = took.back();
  }
  if (load.failed() > 0) state.SkipWithError("a message was refused");
}
BENCHMARK(BM_GrownLatency)->ArgName("ids")->DenseRange(0, 2)->UseRealTime()->Iterations(1);

// P10: a page of 50 records of an active chat: the newest one, or one anywhere.
void BM_GrownPage(benchmark::State& state) {
  FilledStore& grown = Grown::instance();
  SqliteSnapshot snapshot(grown.store().options());
  std::mt19937_64 random(7);
  const bool anywhere = state.range(0) != 0;
  for (auto _ : state) {
    snapshot.begin();
    const auto chat = number_id<ChatId>(grown.active(random()));
    const auto header = snapshot.find_chat_header(chat);
    if (!header || !*header) std::abort();
    const auto range = anywhere ? chat::RecordRange::kBefore : chat::RecordRange::kNewest;
    std::size_t bytes = 0;
    const auto page = snapshot.visit_records(
        chat, range, {random() % (**header).head.value + 1}, 50,
        [&](const chat::Record& record) { bytes += chat::content_of(record).size(); });
    if (!page) std::abort();
    benchmark::DoNotOptimize(bytes);
    snapshot.end();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GrownPage)->ArgName("anywhere")->Arg(0)->Arg(1)->MinTime(seconds());

}  // namespace
}  // namespace maru::sqlite
