#include "storage/sqlite/reader_pool.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "base/thread_name.hpp"
#include "storage/sqlite/snapshot.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace maru::sqlite {

struct ReaderPool::Reader {
  Reader(const StoreOptions& options, std::size_t queue_max)
      : snapshot(options), queue(queue_max) {}

  void run(std::size_t number) {
    name_this_thread(("reader-" + std::to_string(number)).c_str());
    std::vector<Query> batch;
    while (queue.wait_drain(batch, std::chrono::seconds(60))) {
      for (Query& query : batch) {
        snapshot.begin();
        query(snapshot);
        snapshot.end();
        // What the query holds ends here, on this thread, before it stops counting as work.
        query = nullptr;
        load.fetch_sub(1, std::memory_order_relaxed);
      }
    }
  }

  SqliteSnapshot snapshot;
  Mailbox<Query> queue;
  std::atomic<std::size_t> load = 0;  // waiting or running
  std::thread thread;
};

Result<std::unique_ptr<ReaderPool>> ReaderPool::open(const SqliteStore& store,
                                                     ReaderOptions options) {
  std::vector<std::unique_ptr<Reader>> readers;
  try {
    for (std::size_t i = 0; i < options.threads; ++i) {
      readers.push_back(std::make_unique<Reader>(store.options(), options.queue_max));
    }
  } catch (const SqliteError& error) {
    return fail(ErrorCode::kUnavailable,
                std::string("The store cannot be opened for reading: ") + error.what() + ".");
  }
  return std::unique_ptr<ReaderPool>(new ReaderPool(std::move(readers)));
}

ReaderPool::ReaderPool(std::vector<std::unique_ptr<Reader>> readers)
    : readers_(std::move(readers)) {
  std::size_t number = 0;
  for (const auto& reader : readers_) {
    reader->thread = std::thread([&one = *reader, number] { one.run(number); });
    ++number;
  }
}

ReaderPool::~ReaderPool() {
  for (const auto& reader : readers_) reader->queue.close();
  for (const auto& reader : readers_) reader->thread.join();
}

bool ReaderPool::post(Query&& query) {
  // To the least busy reader: a slow query must not hold up what an idle thread could answer.
  Reader* best = nullptr;
  std::size_t best_load = 0;
  for (const auto& reader : readers_) {
    const std::size_t load = reader->load.load(std::memory_order_relaxed);
    if (!best || load < best_load) {
      best = reader.get();
      best_load = load;
    }
  }
  if (!best) return false;
  best->load.fetch_add(1, std::memory_order_relaxed);
  if (best->queue.try_post(std::move(query)) == PostResult::kPosted) return true;
  best->load.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

std::size_t ReaderPool::depth() const {
  std::size_t depth = 0;
  for (const auto& reader : readers_) depth += reader->load.load(std::memory_order_relaxed);
  return depth;
}

}  // namespace maru::sqlite
