// What a user gets: messages a second through the sequencer into a fresh store,
// each durable before it is answered. The store lies in the working directory:
// choose a real disk.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "chat/testing/sequencer_load.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::sqlite {
namespace {

void BM_Durable(benchmark::State& state) {
  const auto directory = std::filesystem::current_path() / "durable_benchmark_data";
  std::filesystem::remove_all(directory);
  StoreOptions options;
  options.data_dir = directory;
  {
    auto store = SqliteStore::open(options);
    if (store) {
      chat::testing::measure_sends(state, **store);
    } else {
      state.SkipWithError(store.error().detail.c_str());
    }
  }
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_Durable)->Apply(chat::testing::send_arguments);

}  // namespace
}  // namespace maru::sqlite
