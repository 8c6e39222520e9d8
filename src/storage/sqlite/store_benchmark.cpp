// Appends of 200-byte texts with fsync per batch, history pages and look-ups by client id.
//
//   store_benchmark --benchmark_filter=Append
//   MARU_BENCH_ROWS=10000000 store_benchmark --benchmark_filter=Append   (rows already there)
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "storage/sqlite/reader_pool.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "storage/sqlite/testing/temporary_directory.hpp"
#include "text/text.hpp"

namespace maru::sqlite {
namespace {

constexpr std::uint32_t kChats = 1000;
constexpr std::uint32_t kUsers = 1000;

enum ClientIds : std::int64_t { kTimeOrdered, kRandom, kNone };

template <class Id>
Id number_id(std::uint32_t number) {
  typename Id::Bytes bytes{};
  for (int i = 0; i < 4; ++i) bytes[11 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return Id(bytes);
}

// A canonical UUID: version 7 with a counter for its time, or version 4.
std::string make_uuid(ClientIds kind, std::uint64_t counter, std::mt19937_64& random) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::uint64_t high = kind == kTimeOrdered ? (0x0190d5c0u + (counter >> 16)) << 32 |
                                                  (counter & 0xffff) << 16 | 0x7000
                                            : random();
  std::uint64_t low = random();
  std::string id;
  for (int i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) id += '-';
    const std::uint64_t half = i < 16 ? high : low;
    id += kDigits[half >> (60 - 4 * (i % 16)) & 15];
  }
  return id;
}

class Filler {
 public:
  Filler() : heads_(kChats) {
    StoreOptions options;
    options.data_dir = directory_.path() / "data";
    store_ = std::move(SqliteStore::open(options).value());
    std::vector<chat::Change> batch;
    for (std::uint32_t i = 1; i <= kUsers; ++i) {
      chat::User user;
      user.id = number_id<UserId>(i);
      user.name = "user" + std::to_string(i);
      batch.emplace_back(chat::UserInserted{user, user.name});
    }
    for (std::uint32_t i = 1; i <= kChats; ++i) batch.emplace_back(make_chat(i));
    must(batch);
  }

  std::vector<chat::Change> make_batch(std::size_t size, ClientIds ids) {
    std::vector<chat::Change> batch;
    batch.reserve(size);
    for (std::size_t i = 0; i < size; ++i) batch.emplace_back(make_text(ids));
    return batch;
  }

  void must(const std::vector<chat::Change>& batch) {
    if (!store_->append(batch)) std::abort();
  }

  void fill(std::uint64_t rows, ClientIds ids) {
    for (std::uint64_t done = 0; done < rows; done += 5000) must(make_batch(5000, ids));
    store_->idle({1'000'000});
  }

  void add_named_users(std::uint32_t count) {
    static constexpr const char* kSyllables[] = {"김", "이", "박", "현", "수", "민", "가", "하"};
    std::vector<chat::Change> batch;
    for (std::uint32_t i = 0; i < count; ++i) {
      chat::User user;
      user.id = number_id<UserId>(kUsers + 1 + i);
      for (int k = 0; k < 3; ++k) user.name += kSyllables[random_() % 8];
      user.name += i % 2 == 0 ? " kim" : " lee";
      user.name += std::to_string(i);
      batch.emplace_back(chat::UserInserted{user, text::fold_name(user.name)});
      if (batch.size() == 1000 || i + 1 == count) {
        must(batch);
        batch.clear();
      }
    }
    store_->idle({1'000'000});
  }

  SqliteStore& store() { return *store_; }
  [[nodiscard]] const std::string& last_client_id() const { return last_client_id_; }
  [[nodiscard]] ChatId last_chat() const { return last_chat_; }
  [[nodiscard]] UserId last_sender() const { return last_sender_; }

 private:
  static chat::ChatInserted make_chat(std::uint32_t number) {
    chat::ChatInserted change;
    change.chat.id = number_id<ChatId>(number);
    change.chat.number = {number};
    change.chat.name = "chat";
    for (std::uint32_t i = 0; i < 10; ++i) {
      change.members.push_back(
          {number_id<UserId>((number + i) % kUsers + 1), "", chat::Role::kMember, {0}});
    }
    return change;
  }

  chat::RecordAppended make_text(ClientIds ids) {
    const auto index = static_cast<std::uint32_t>(random_() % kChats);
    auto record = std::make_shared<chat::Record>();
    record->id = number_id<RecordId>(static_cast<std::uint32_t>(++count_));
    record->chat = number_id<ChatId>(index + 1);
    record->sequence = {++heads_[index]};
    record->text_count = record->sequence.value;
    record->actor =
        number_id<UserId>(static_cast<std::uint32_t>(random_() % 10 + index + 1) % kUsers + 1);
    chat::Text text{std::string(200, 'x'), {}};
    record->created_at = {1'700'000'000'000 + static_cast<std::int64_t>(count_)};
    if (ids != kNone) {
      text.client_msg_id = make_uuid(ids, count_, random_);
      last_client_id_ = *text.client_msg_id;
      last_chat_ = record->chat;
      last_sender_ = record->actor;
    }
    record->body = std::move(text);
    return {record};
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<SqliteStore> store_;
  std::vector<std::uint64_t> heads_;
  std::uint64_t count_ = 0;
  std::mt19937_64 random_{42};
  std::string last_client_id_;
  ChatId last_chat_;
  UserId last_sender_;
};

std::uint64_t rows_before() {
  const char* rows = std::getenv("MARU_BENCH_ROWS");
  return rows ? std::strtoull(rows, nullptr, 10) : 0;
}

void BM_Append(benchmark::State& state) {
  log::configure(log::Format::kText, log::Level::kWarn);
  Filler filler;
  const auto batch_size = static_cast<std::size_t>(state.range(0));
  const auto ids = static_cast<ClientIds>(state.range(1));
  filler.fill(rows_before(), ids);
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<chat::Change> batch = filler.make_batch(batch_size, ids);
    state.ResumeTiming();
    filler.must(batch);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Append)
    ->ArgNames({"batch", "ids"})
    ->ArgsProduct({{100, 1000}, {kTimeOrdered, kRandom, kNone}})
    ->UseRealTime()
    ->MinTime(3);

std::unique_ptr<Filler>& filled() {
  static std::unique_ptr<Filler> filler;
  if (!filler) {
    log::configure(log::Format::kText, log::Level::kWarn);
    filler = std::make_unique<Filler>();
    filler->fill(1'000'000, kTimeOrdered);
  }
  return filler;
}

// What a page of history asks of the store: the chat as far as it decides, then its records.
void BM_HistoryPage(benchmark::State& state) {
  SqliteSnapshot snapshot(filled()->store().options());
  std::mt19937_64 random(7);
  for (auto _ : state) {
    snapshot.begin();
    const auto chat = number_id<ChatId>(static_cast<std::uint32_t>(random() % kChats + 1));
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
  Filler& filler = *filled();
  for (auto _ : state) {
    const auto found = filler.store().load_by_client_msg_id(
        filler.last_chat(), filler.last_sender(), filler.last_client_id());
    if (!found || !*found) std::abort();
  }
}
BENCHMARK(BM_FindByClientMsgId);

void BM_MissByClientMsgId(benchmark::State& state) {
  Filler& filler = *filled();
  std::mt19937_64 random(9);
  for (auto _ : state) {
    const auto found = filler.store().load_by_client_msg_id(
        filler.last_chat(), filler.last_sender(), make_uuid(kRandom, 0, random));
    if (!found || *found) std::abort();
  }
}
BENCHMARK(BM_MissByClientMsgId);

// One letter, the worst query: every second name matches. MARU_BENCH_USERS sets how many there are.
void BM_SearchUsers(benchmark::State& state) {
  static constexpr const char* kTyped[] = {"ㄱ", "k", "김", "ㄱㅎ", "zzz"};
  static const std::unique_ptr<Filler> filler = [] {
    log::configure(log::Format::kText, log::Level::kWarn);
    auto made = std::make_unique<Filler>();
    const char* count = std::getenv("MARU_BENCH_USERS");
    made->add_named_users(count ? static_cast<std::uint32_t>(std::strtoul(count, nullptr, 10))
                                : 20'000);
    return made;
  }();
  const std::string query = text::name_search_query(kTyped[state.range(0)]);
  state.SetLabel(kTyped[state.range(0)]);
  SqliteSnapshot snapshot(filler->store().options());
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
  const auto pool = std::move(ReaderPool::open(filled()->store()).value());
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
