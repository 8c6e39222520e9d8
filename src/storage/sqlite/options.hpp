// How the embedded store is opened. Every field has its unit, default and effect.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "storage/sqlite/disk_space.hpp"
#include "storage/sqlite/errors.hpp"

namespace maru::sqlite {

struct StoreOptions {
  // Holds maru.db (with -wal and -shm) and maru.lock. Created with mode 0700 if absent.
  std::filesystem::path data_dir = "maru-data";

  // A checkpoint is due after so many changes, past so much write-ahead log, and whenever the
  // sequencer is idle. Few: how long one takes is how long a message may have to wait, and that is
  // the number of different pages that it copies (docs/adr/0018). Changes say it better than bytes:
  // a page that small batches write again and again is copied once.
  std::size_t checkpoint_changes = 1'024;
  std::size_t wal_bytes_max = 8 * 1024 * 1024;
  // What its file keeps of disk when the log begins anew.
  std::size_t wal_bytes_kept = 16 * 1024 * 1024;
  // Past this the writer waits for running reads to end, at most checkpoint_wait_ms, so that the
  // log starts from its beginning again.
  std::size_t wal_bytes_hard = 64 * 1024 * 1024;
  int checkpoint_wait_ms = 100;
  // Between two checkpoints in idle moments.
  std::int64_t idle_checkpoint_interval_ms = 1000;

  DiskReserve reserve;

  // Page caches; filled only by use.
  std::size_t writer_cache_bytes = 16 * 1024 * 1024;
  std::size_t reader_cache_bytes = 32 * 1024 * 1024;
  // How much of the file readers map instead of copying its pages. A chat's records lie apart, one
  // to a page, so that a history page is as many page reads as it has records. SQLite maps 2 GiB at
  // most. 0: no mapping.
  std::size_t reader_map_bytes = std::size_t{2} << 30;

  // Records after the last clean mark that the start-up check reads, at most.
  std::int64_t tail_check_records_max = 200'000;

  FatalHandler fatal = stop_process;
  // Test seams: a shim for SQLite's file system, and a limit on the size of the file (0: none).
  const char* vfs = nullptr;
  std::int64_t page_count_max = 0;
};

struct ReaderOptions {
  std::size_t threads = 2;
  // Queries waiting in each lane; past it post() refuses.
  std::size_t waiting_max = 4096;
};

}  // namespace maru::sqlite
