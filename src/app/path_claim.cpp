#include "app/path_claim.hpp"

#include <sodium.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <system_error>

#include "base/log.hpp"

namespace maru::app {
namespace {

struct Name {
  sockaddr_un address{};
  socklen_t size = 0;
};

Name name_of(const std::filesystem::path& path) {
  std::array<unsigned char, 16> hash{};
  const std::string& text = path.native();
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), nullptr, 0);
  std::array<char, 2 * hash.size() + 1> hex{};
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  const std::string name = "maru-data-" + std::string(hex.data());
  Name made;
  made.address.sun_family = AF_UNIX;
  name.copy(made.address.sun_path + 1, name.size());  // behind a zero: abstract, see unix(7)
  made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return made;
}

int open_socket() {
  return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

struct Owner {
  bool counts = true;
  std::string process;  // " (1234)"
};

Owner owner_of(const Name& name) {
  Owner owner;
  const int asking = open_socket();
  if (asking < 0) return owner;
  if (::connect(asking, reinterpret_cast<const sockaddr*>(&name.address), name.size) == 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(asking, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
      owner.counts = peer.uid == ::geteuid() || peer.uid == 0;
      owner.process = " (" + std::to_string(peer.pid) + ")";
    }
  } else if (errno == ECONNREFUSED) {
    owner.counts = false;  // it has ended meanwhile
  }
  ::close(asking);
  return owner;
}

}  // namespace

Result<PathClaim> PathClaim::take(const std::filesystem::path& directory) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(directory, error).lexically_normal();
  std::set<std::filesystem::path> paths = {absolute / ""};
  const auto real = std::filesystem::weakly_canonical(absolute, error);
  if (!error) paths.insert(real / "");
  PathClaim claim;
  for (const std::filesystem::path& path : paths) {
    const Name name = name_of(path);
    const int descriptor = open_socket();
    if (descriptor < 0) return claim;  // a sandbox without AF_UNIX: the lock has to do
    claim.descriptors_.push_back(descriptor);
    if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&name.address), name.size) == 0) {
      ::listen(descriptor, SOMAXCONN);
      continue;
    }
    if (errno != EADDRINUSE) continue;
    const Owner owner = owner_of(name);
    if (owner.counts) {
      return fail(ErrorCode::kUnavailable, "The data directory " + directory.string() +
                                               " is in use by another process" + owner.process +
                                               ".");
    }
    log::warn("data_dir_claim_taken", {{"path", path.string()}});
  }
  return claim;
}

PathClaim::~PathClaim() {
  for (const int descriptor : descriptors_) ::close(descriptor);
}

}  // namespace maru::app
