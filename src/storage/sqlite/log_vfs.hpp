// SQLite's file system with one difference, for the connection that writes: writes to the
// write-ahead log that follow on each other go to the system as one.
//
// SQLite writes each page of the log as two small writes, a head and a page: about 2.4 system calls
// a message under load. Nobody may read what a commit has written before the commit has synced it
// (the index of the log names only what was), so that it may wait in memory until then.
//
// Only for a connection with synchronous=FULL: without a sync at each commit other connections
// would look for what is still here. A failed write is reported by the call that had to carry it
// out, at the latest the sync; a commit fails as it would have.
//
// Made before the connection, ends after it. The connection's thread.
#pragma once

#include <memory>
#include <string>

struct sqlite3_vfs;

namespace maru::sqlite {

class LogVfs {
 public:
  // `below`: the file system's name, nullptr for the system's. It must outlive the object.
  explicit LogVfs(const char* below);
  ~LogVfs();
  LogVfs(const LogVfs&) = delete;
  LogVfs& operator=(const LogVfs&) = delete;

  [[nodiscard]] const char* name() const { return name_.c_str(); }

 private:
  struct Registered;

  std::string name_;
  std::unique_ptr<Registered> registered_;
};

}  // namespace maru::sqlite
