// A store that has grown: 100,000 chats of 10 members, of which 1,000 are active. A fresh store
// hides what a long log costs.
//
//   MARU_BENCH_ROWS=10000000 MARU_BENCH_STORE=/var/tmp/grown grown_benchmark
//   MARU_BENCH_WAL=…   StoreOptions::wal_bytes_max
//
// The store is made where there is none and kept (each run adds to it); without MARU_BENCH_STORE it
// lies in the working directory, which should be on a real disk, and goes with the program.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "chat/fingerprint.hpp"
#include "chat/testing/sequencer_load.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::sqlite {
namespace {

using chat::testing::ClientIds;

constexpr std::uint32_t kChats = 100'000;
constexpr std::uint32_t kUsers = 10'000;
constexpr std::uint32_t kMembers = 10;
constexpr std::uint32_t kActive = 1'000;
constexpr std::size_t kFillBatch = 5'000;

template <class Id>
Id number_id(std::uint32_t number) {
  typename Id::Bytes bytes{};
  for (int i = 0; i < 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return Id(bytes);
}

UserId member_of(std::uint32_t chat, std::uint32_t place) {
  return number_id<UserId>((chat * kMembers + place) % kUsers + 1);
}

// One a program: it takes minutes to make.
class Grown {
 public:
  static Grown& instance() {
    static Grown grown;
    return grown;
  }
  SqliteStore& store() { return *store_; }
  // Spread over all that there are, as those who are active today are.
  [[nodiscard]] static std::uint32_t active(std::uint64_t n) {
    return static_cast<std::uint32_t>(n % kActive) * (kChats / kActive) + 1;
  }
  chat::testing::Load load(ClientIds ids) {
    std::vector<ChatId> chats;
    std::vector<UserId> writers;
    for (std::uint32_t n = 0; n < kActive; ++n) {
      chats.push_back(number_id<ChatId>(active(n)));
      writers.push_back(member_of(active(n), n % kMembers));
    }
    return {*store_, ids, std::move(chats), std::move(writers)};
  }
  chat::RecordAppended next_text(std::uint32_t chat, ClientIds ids) {
    auto record = std::make_shared<chat::Record>();
    std::uint64_t& head = heads_[chat];
    if (head == 0) head = (*store_->load_chat(number_id<ChatId>(chat)))->head.value;
    record->id = number_id<RecordId>(static_cast<std::uint32_t>(++count_));
    record->chat = number_id<ChatId>(chat);
    record->sequence = {++head};
    record->text_count = head;
    record->actor = member_of(chat, static_cast<std::uint32_t>(random_() % kMembers));
    record->created_at = {1'700'000'000'000 + static_cast<std::int64_t>(count_)};
    std::optional<std::string> id;
    if (ids != ClientIds::kNone) id = chat::testing::make_client_id(ids, count_, random_);
    record->body = chat::text_as_sent(std::string(200, 'x'), std::move(id));
    return {record};
  }
  // What others have written since is read again.
  void forget_heads() { heads_.clear(); }

 private:
  Grown() {
    log::configure(log::Format::kText, log::Level::kWarn);
    const char* kept = std::getenv("MARU_BENCH_STORE");
    const char* rows = std::getenv("MARU_BENCH_ROWS");
    directory_ = kept ? std::filesystem::path(kept)
                      : std::filesystem::current_path() / "grown_benchmark_data";
    if (!kept) std::filesystem::remove_all(directory_);
    is_kept_ = kept != nullptr;
    StoreOptions options;
    options.data_dir = directory_;
    if (const char* wal = std::getenv("MARU_BENCH_WAL")) {
      options.wal_bytes_max = std::strtoull(wal, nullptr, 10);
    }
    store_ = std::move(SqliteStore::open(options).value());
    if (store_->load_last_number()->value == 0) {
      make_chats();
      fill(rows ? std::strtoull(rows, nullptr, 10) : 200'000);
    } else {
      count_ = random_seed();
    }
  }
  ~Grown() {
    store_.reset();
    if (!is_kept_) std::filesystem::remove_all(directory_);
  }

  // Ids of another run must be others.
  static std::uint64_t random_seed() { return std::random_device{}() & 0x3FFF'FFFF; }

  void must(std::vector<chat::Change>& batch) {
    if (!store_->append(batch)) std::abort();
    store_->after_release();
    batch.clear();
  }
  void make_chats() {
    std::vector<chat::Change> batch;
    for (std::uint32_t i = 1; i <= kUsers; ++i) {
      chat::User user;
      user.id = number_id<UserId>(i);
      user.name = "user" + std::to_string(i);
      batch.emplace_back(chat::UserInserted{user, user.name});
    }
    must(batch);
    for (std::uint32_t i = 1; i <= kChats; ++i) {
      chat::ChatInserted change;
      change.chat.id = number_id<ChatId>(i);
      change.chat.number = {i};
      change.chat.name = "chat";
      change.chat.owner = member_of(i, 0);
      for (std::uint32_t place = 0; place < kMembers; ++place) {
        change.members.push_back({member_of(i, place), "", chat::Role::kMember, {0}});
      }
      change.members.front().role = chat::Role::kOwner;
      batch.emplace_back(std::move(change));
      if (batch.size() == kFillBatch) must(batch);
    }
    must(batch);
  }
  void fill(std::uint64_t rows) {
    std::vector<chat::Change> batch;
    for (std::uint64_t done = 0; done < rows; ++done) {
      batch.emplace_back(
          next_text(static_cast<std::uint32_t>(random_() % kChats + 1), ClientIds::kTimeOrdered));
      if (batch.size() == kFillBatch) must(batch);
    }
    if (!batch.empty()) must(batch);
    store_->idle({1'000'000});
  }

  std::filesystem::path directory_;
  bool is_kept_ = false;
  std::unique_ptr<SqliteStore> store_;
  std::unordered_map<std::uint32_t, std::uint64_t> heads_;
  std::uint64_t count_ = 0;
  std::mt19937_64 random_{std::random_device{}()};
};

// What a batch of 200 writes: the pages that a text costs.
void BM_GrownAppend(benchmark::State& state) {
  constexpr std::size_t kBatch = 200;
  Grown& grown = Grown::instance();
  grown.forget_heads();
  const auto ids = static_cast<ClientIds>(state.range(0));
  std::mt19937_64 random(11);
  std::uint64_t wal = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<chat::Change> batch;
    for (std::size_t i = 0; i < kBatch; ++i) {
      batch.emplace_back(grown.next_text(Grown::active(random()), ids));
    }
    const std::uint64_t before = grown.store().wal_bytes();
    state.ResumeTiming();
    if (!grown.store().append(batch)) std::abort();
    const std::uint64_t after = grown.store().wal_bytes();
    wal += after > before ? after - before : after;
    grown.store().after_release();
  }
  const auto texts = static_cast<double>(state.iterations() * kBatch);
  state.SetItemsProcessed(static_cast<std::int64_t>(texts));
  state.counters["wal_bytes"] = static_cast<double>(wal) / texts;
}
BENCHMARK(BM_GrownAppend)->ArgName("ids")->DenseRange(0, 2)->UseRealTime()->MinTime(3);

// P7 on a log that has grown: durable messages a second through the sequencer.
void BM_GrownDurable(benchmark::State& state) {
  constexpr std::size_t kWindow = 2'000;
  constexpr std::size_t kRound = 20'000;
  chat::testing::Load load = Grown::instance().load(static_cast<ClientIds>(state.range(0)));
  load.send(3 * kRound, kWindow);
  for (auto _ : state) load.send(kRound, kWindow);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRound));
  if (load.failed() > 0) state.SkipWithError("a message was refused");
}
BENCHMARK(BM_GrownDurable)->ArgName("ids")->DenseRange(0, 2)->UseRealTime()->MinTime(10);

// P8 without sockets: from when a message was due to its answer, at 20,000 a second.
void BM_GrownLatency(benchmark::State& state) {
  constexpr double kRate = 20'000;
  chat::testing::Load load = Grown::instance().load(static_cast<ClientIds>(state.range(0)));
  (void)load.send_at_rate(static_cast<std::size_t>(3 * kRate), kRate);
  for (auto _ : state) {
    std::vector<double> took = load.send_at_rate(static_cast<std::size_t>(10 * kRate), kRate);
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
  SqliteSnapshot snapshot(Grown::instance().store().options());
  std::mt19937_64 random(7);
  const bool anywhere = state.range(0) != 0;
  for (auto _ : state) {
    snapshot.begin();
    const auto chat = number_id<ChatId>(Grown::active(random()));
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
BENCHMARK(BM_GrownPage)->ArgName("anywhere")->Arg(0)->Arg(1)->MinTime(3);

}  // namespace
}  // namespace maru::sqlite
