#include "fanout/recovery/recovery_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/log.hpp"
#include "base/private_file.hpp"

namespace maru::fanout {
namespace {

// Room for the largest table: a million ring entries, 100,000 pids, two million chats.
constexpr std::size_t kFileBytesMax = 256 * 1024 * 1024;

bool warn(std::string_view what, const std::filesystem::path& path, std::string_view why) {
  log::warn(what, {{"path", path.native()}, {"reason", why}});
  return false;
}

}  // namespace

bool save_recovery(const RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch) {
  constexpr std::string_view kWhat = "recovery_not_saved";
  const auto written = write_private_file(path, table.save(store_epoch));
  return written ? true : warn(kWhat, path, written.error().detail);
}

bool load_recovery(RecoveryTable& table, const std::filesystem::path& path,
                   std::string_view store_epoch) {
  constexpr std::string_view kWhat = "recovery_not_loaded";
  auto bytes = read_private_file(path, kFileBytesMax);
  if (bytes && !*bytes) return false;
  // Before it is used: a second use, after a crash of this run, would lose events silently.
  if (::unlink(path.c_str()) != 0) return warn(kWhat, path, std::strerror(errno));
  if (!bytes) return warn(kWhat, path, bytes.error().detail);
  if (const Result<void> loaded = table.load(**bytes, store_epoch); !loaded) {
    return warn(kWhat, path, loaded.error().detail);
  }
  return true;
}

}  // namespace maru::fanout
