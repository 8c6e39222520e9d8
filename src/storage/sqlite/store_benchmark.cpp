// Appends of 200-byte texts with fsync per batch, history pages and look-ups by client id.
//
//   store_benchmark --benchmark_filter=Append
//   MARU_BENCH_ROWS=10000000 store_benchmark --benchmark_filter=Append   (rows already there)
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <future>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/testing/filled_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "text/text.hpp"

namespace maru::sqlite {
namespace {

using chat::testing::ClientIds;
using testing::FilledStore;
using testing::number_id;

constexpr testing::FilledShape kShape{.chats = 1'000, .users = 1'000, .active = 1'000};

// A store that goes with it.
struct Filled {
  testing::TemporaryDirectory directory;
  FilledStore store{{.data_dir = directory.path() / "data"}, kShape};
};

void add_named_users(SqliteStore& store, std::uint32_t count) {
  static constexpr const char* kSyllables[] = {"김", "이", "박", "현", "수", "민", "가", "하"};
  std::mt19937_64 random(42);
  std::vector<chat::Change> batch;
  for (std::uint32_t i = 0; i < count; ++i) {
    chat::User user;
    user.id = number_id<UserId>(kShape.users + 1 + i);
    for (int k = 0; k < 3; ++k) user.name += kSyllables[random() % 8];
    user.name += i % 2 == 0 ? " kim" : " lee";
    user.name += std::to_string(i);
    batch.emplace_back(chat::UserInserted{user, text::fold_name(user.name)});
    if (batch.size() < 1000 && i + 1 < count) continue;
    if (store.append(batch) != chat::Appended::kCommitted) std::abort();
    batch.clear();
  }
  store.idle({1'000'000});
}

std::uint64_t rows_before() {
  const char* rows = std::getenv("MARU_BENCH_ROWS");
  return rows ? std::strtoull(rows, nullptr, 10) : 0;
}

void BM_Append(benchmark::State& state) {
  Filled filled;
  const auto ids = static_cast<ClientIds>(state.range(1));
  filled.store.fill(rows_before(), ids);
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<chat::Change> batch;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      batch.emplace_back(filled.store.next_text(filled.store.any_chat(), ids));
    }
    state.ResumeTiming();
    filled.store.append(batch);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Append)
    ->ArgNames({"batch", "ids"})
    ->ArgsProduct({{100, 1000}, {0, 1, 2}})
    ->UseRealTime()
    ->MinTime(3);

FilledStore& filled() {
  static Filled made;
  if (static bool is_full = false; !std::exchange(is_full, true)) {
    made.store.fill(1'000'000, ClientIds::kTimeOrdered);
  }
  return made.store;
}

// What a page of history asks of the store: the chat as far as it decides, then its records.
void BM_HistoryPage(benchmark::State& state) {
  SqliteSnapshot snapshot(filled().store().options());
  std::mt19937_64 random(7);
  for (auto _ : state) {
    snapshot.begin();
    const auto chat = number_id<ChatId>(static_cast<std::uint32_t>(random() % kShape.chats + 1));
    std::size_t bytes = 0;
    const auto header = snapshot.find_chat_header(chat);
    const auto page = snapshot.visit_records(
        chat, chat::RecordRange::kBefore, {random() % 900 + 51},
        static_cast<std::size_t>(state.range(0)),
        [&](const chat::Record& record) { bytes += chat::content_of(record).size(); });
    if (!header || !*header || !page || bytes == 0) std::abort();
    snapshot.end();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HistoryPage)->Arg(50)->Arg(1000);

void BM_FindByClientMsgId(benchmark::State& state) {
  FilledStore& store = filled();
  const chat::RecordAppended last = store.next_text(1, ClientIds::kTimeOrdered);
  store.append({last});
  const chat::Record& record = *last.record;
  for (auto _ : state) {
    const auto found = store.store().load_by_client_msg_id(record.chat, record.actor,
                                                           *chat::client_msg_id_of(record));
    if (!found || !*found) std::abort();
  }
}
BENCHMARK(BM_FindByClientMsgId);

void BM_MissByClientMsgId(benchmark::State& state) {
  FilledStore& store = filled();
  std::mt19937_64 random(9);
  for (auto _ : state) {
    const auto found = store.store().load_by_client_msg_id(
        number_id<ChatId>(1), number_id<UserId>(store.member_of(1, 0)),
        chat::testing::make_client_id(ClientIds::kRandom, 0, random));
    if (!found || *found) std::abort();
  }
}
BENCHMARK(BM_MissByClientMsgId);

// One letter, the worst query: every second name matches. MARU_BENCH_USERS sets how many there are.
void BM_SearchUsers(benchmark::State& state) {
  static constexpr const char* kTyped[] = {"ㄱ", "k", "김", "ㄱㅎ", "zzz"};
  static Filled filler;
  if (static bool is_full = false; !std::exchange(is_full, true)) {
    const char* count = std::getenv("MARU_BENCH_USERS");
    add_named_users(filler.store.store(),
                    count ? static_cast<std::uint32_t>(std::strtoul(count, nullptr, 10)) : 20'000);
  }
  const std::string query = text::name_search_query(kTyped[state.range(0)]);
  state.SetLabel(kTyped[state.range(0)]);
  SqliteSnapshot snapshot(filler.store.store().options());
  std::size_t found = 0;
  for (auto _ : state) {
    snapshot.begin();
    found = snapshot.search_users(query, 50)->size();
    snapshot.end();
  }
  state.counters["found"] = static_cast<double>(found);
}
BENCHMARK(BM_SearchUsers)->DenseRange(0, 4);

// The whole way of a query: post, thread, transaction, answer.
void BM_ReaderPoolRoundTrip(benchmark::State& state) {
  const auto pool = std::move(ReaderPool::open(filled().store()).value());
  for (auto _ : state) {
    std::promise<void> done;
    if (!pool->post(chat::Lane::kUrgent, [&](chat::Snapshot& snapshot) {
          benchmark::DoNotOptimize(snapshot.head(number_id<ChatId>(1)));
          done.set_value();
        })) {
      std::abort();
    }
    done.get_future().wait();
  }
}
BENCHMARK(BM_ReaderPoolRoundTrip)->UseRealTime();

}  // namespace
}  // namespace maru::sqlite
