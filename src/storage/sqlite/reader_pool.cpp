#include "storage/sqlite/reader_pool.hpp"

#include <string>
#include <thread>
#include <utility>

#include "base/memory.hpp"
#include "base/thread_name.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::sqlite {

struct ReaderPool::Reader {
  explicit Reader(const StoreOptions& options) : snapshot(options) {}

  void run(chat::QueryLanes& lanes, std::size_t number) {
    name_this_thread(("reader-" + std::to_string(number)).c_str());
    while (auto taken = lanes.take()) {
      snapshot.begin();
      // A call that comes to no answer gives one as it is destroyed.
      [[maybe_unused]] const bool done = memory::survive([&] { taken->query(snapshot); });
      snapshot.end();
      // What the query holds ends here, on this thread, before it stops counting as work.
      taken->query = nullptr;
      lanes.finish(taken->lane);
    }
  }

  SqliteSnapshot snapshot;
  std::thread thread;
};

Result<std::unique_ptr<ReaderPool>> ReaderPool::open(const SqliteStore& store,
                                                     ReaderOptions options) {
  std::vector<std::unique_ptr<Reader>> readers;
  try {
    for (std::size_t i = 0; i < options.threads; ++i) {
      readers.push_back(std::make_unique<Reader>(store.options()));
    }
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kUnavailable,
                std::string("The store cannot be opened for reading: ") + error.what() + ".");
  }
  return std::unique_ptr<ReaderPool>(new ReaderPool(std::move(readers), options.waiting_max));
}

ReaderPool::ReaderPool(std::vector<std::unique_ptr<Reader>> readers, std::size_t waiting_max)
    : lanes_(readers.size(), waiting_max), readers_(std::move(readers)) {
  std::size_t number = 0;
  for (const auto& reader : readers_) {
    reader->thread = std::thread([this, &one = *reader, number] { one.run(lanes_, number); });
    ++number;
  }
}

ReaderPool::~ReaderPool() {
  for (const chat::Lane lane : {chat::Lane::kBulk, chat::Lane::kUrgent}) lanes_.close(lane);
  for (const auto& reader : readers_) reader->thread.join();
}

bool ReaderPool::post(chat::Lane lane, Query&& query) {
  return lanes_.post(lane, std::move(query));
}

}  // namespace maru::sqlite
