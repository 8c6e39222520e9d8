#include "net/acceptor.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "net/http_connection.hpp"

namespace maru::net {
namespace {

// Between two looks at the other connections.
constexpr int kAcceptsPerTurn = 64;

// How long to leave the queue alone when there is no descriptor for anybody.
constexpr std::int64_t kPauseMs = 100;

// A connection's own until there is a Connection to hold it.
class NewStream {
 public:
  explicit NewStream(int descriptor) { stream.descriptor = descriptor; }
  ~NewStream() {
    if (stream.tls) tls_free(stream.tls);
    if (stream.descriptor >= 0) ::close(stream.descriptor);
    ConnectionLimits::leave(stream.place);
  }
  NewStream(const NewStream&) = delete;
  NewStream& operator=(const NewStream&) = delete;

  Stream stream;
};

void warn_once(ConnectionLimits& limits, ConnectionLimits::Cap cap) {
  if (!limits.is_first_refusal(cap)) return;
  if (cap == ConnectionLimits::Cap::kTotal) {
    log::warn("connections_max_reached", {{"connections_max", limits.connections_max()}});
  } else {
    log::warn("connections_per_ip_reached", {});
  }
}

}  // namespace

Acceptor::Acceptor(IoCore& core, int descriptor, std::shared_ptr<Tls> tls)
    : core_(core), descriptor_(descriptor), tls_(std::move(tls)) {
  watch();
}

Acceptor::~Acceptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Acceptor::watch() {
  if (core_.loop.add(descriptor_, EPOLLIN, *this)) return;
  log::error("listener_not_watched", {{"errno", errno}});
  pause();
}

void Acceptor::pause() {
  core_.loop.remove(descriptor_);
  core_.timers.start(*this, kPauseMs);
  add(core_.counters.accept_pauses);
}

void Acceptor::close() {
  if (descriptor_ < 0) return;
  // Closing would reset those that have connected and wait.
  constexpr int kLastAccepts = 4096;
  for (int i = 0; i < kLastAccepts && take_one() == Taken::kOne; ++i) {
  }
  stop();
  core_.loop.remove(descriptor_);
  ::close(descriptor_);
  descriptor_ = -1;
}

void Acceptor::on_ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn && descriptor_ >= 0; ++i) {
    switch (take_one()) {
      case Taken::kOne:
        break;
      case Taken::kNone:
        return;
      case Taken::kNoDescriptors:
        if (core_.door->reserve.shed_one(descriptor_)) {
          count_refusal();
          break;
        }
        [[fallthrough]];
      case Taken::kFailed:
        pause();
        return;
    }
  }
}

Acceptor::Taken Acceptor::take_one() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const int descriptor = ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor >= 0) {
    if (!memory::survive([&] { take_connection(descriptor, Address::from(peer)); })) {
      count_refusal();
    }
    return Taken::kOne;
  }
  switch (errno) {
    case EAGAIN:
      return Taken::kNone;
    case EMFILE:
    case ENFILE:
      return Taken::kNoDescriptors;
    case ENOBUFS:
    case ENOMEM:
      return Taken::kFailed;
    default:
      return Taken::kOne;  // the peer may have gone by now: that says nothing about the next one
  }
}

void Acceptor::take_connection(int descriptor, const Address& peer) {
  NewStream fresh(descriptor);
  Stream& stream = fresh.stream;
  if (memory::is_short()) return count_refusal();
  const auto place = core_.door->limits.take(peer, core_.proxies.is_exempt(peer));
  if (!place) {
    warn_once(core_.door->limits, place.error());
    return count_refusal();
  }
  stream.place = *place;
  if (tls_) stream.tls = tls_->new_session(descriptor);
  const bool failed = tls_ && !stream.tls;
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_unique<HttpConnection>(core_, stream, peer);
  if (failed || !connection->watch(EPOLLIN)) {
    count_refusal();
    return;  // its end gives the place back
  }
  add(core_.counters.connections_accepted);
  core_.add(std::move(connection));
}

void Acceptor::count_refusal() {
  add(core_.counters.connections_refused);
}

}  // namespace maru::net
