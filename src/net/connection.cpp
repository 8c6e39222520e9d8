#include "net/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/memory.hpp"
#include "net/io_core.hpp"

namespace maru::net {
namespace {

// Frames up to this much together are copied into one buffer: that is cheaper than handing the
// kernel a list of parts (net_benchmark, BM_Flush).
constexpr std::size_t kCopyBytesMax = 16 * 1024;
constexpr std::size_t kPartsMax = 128;

}  // namespace

void PendingWrites::on_timer() {
  owner->edge([this] { owner->on_write_deadline(); });
}

Connection::Connection(IoCore& core, Stream& stream)
    : core_(&core), stream_(std::exchange(stream, Stream{})) {
  if (stream_.pending) stream_.pending->owner = this;
}

Connection::~Connection() {
  drop_pending();
  close_stream();
}

void Connection::close_stream() {
  if (stream_.tls) tls_free(std::exchange(stream_.tls, nullptr));
  if (stream_.descriptor >= 0) ::close(std::exchange(stream_.descriptor, -1));
  ConnectionLimits::leave(std::exchange(stream_.place, nullptr));
}

bool Connection::watch(std::uint32_t events) {
  stream_.interest = events;
  return core_->loop.add(stream_.descriptor, events, *this);
}

void Connection::on_ready(std::uint32_t events) {
  if (!dead_) edge([this, events] { handle(events); });
}

// The handler hears of it if there is memory for that; the descriptor is closed in any case.
void Connection::fail() {
  if (!memory::survive([this] { on_failed(); })) die();
}

void Connection::handle(std::uint32_t events) {
  if ((events & EPOLLERR) != 0) {
    on_failed();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    mark_dirty();
    // TLS had to write within a read: it is read that has to go on.
    if (queued() == 0) {
      update_interest(stream_.interest & ~static_cast<std::uint32_t>(EPOLLOUT));
      events |= EPOLLIN;
    }
  }
  // EPOLLRDHUP is asked for only while nothing is read.
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0 && (stream_.interest & EPOLLIN) == 0) {
    on_failed();
  } else if ((events & (EPOLLIN | EPOLLHUP)) != 0) {
    on_readable();
  }
}

Connection::ReadStatus Connection::read_some(std::size_t bytes_max, std::span<char>& bytes) {
  const std::span<char> buffer =
      core_->receive_buffer().first(std::min(bytes_max, core_->receive_buffer().size()));
  if (stream_.tls) {
    const IoResult result = tls_read(stream_.tls, buffer);
    switch (result.status) {
      case IoStatus::kDone:
        bytes = buffer.first(result.bytes);
        break;
      case IoStatus::kWantWrite:
        update_interest(stream_.interest | EPOLLOUT);
        return ReadStatus::kNothing;
      case IoStatus::kWantRead:
        return ReadStatus::kNothing;
      case IoStatus::kEnd:
        return ReadStatus::kEnd;
      case IoStatus::kFailed:
        return ReadStatus::kFailed;
    }
  } else {
    const ssize_t size = ::recv(stream_.descriptor, buffer.data(), buffer.size(), 0);
    if (size == 0) return ReadStatus::kEnd;
    if (size < 0) {
      const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
      return again ? ReadStatus::kNothing : ReadStatus::kFailed;
    }
    bytes = buffer.first(static_cast<std::size_t>(size));
  }
  add(core_->counters.bytes_read, bytes.size());
  return ReadStatus::kBytes;
}

void Connection::queue(SharedBytes bytes) {
  if (dead_ || bytes.empty()) return;
  // One of many that get these bytes may find no memory for them: the others go on, and what it was
  // sent so far has no gap, for it is sent no more.
  const bool queued = memory::survive([&] {
    if (!stream_.pending) stream_.pending = core_->take_pending_writes(*this);
    stream_.pending->outbox.push(std::move(bytes));
  });
  lost_bytes_ = lost_bytes_ || !queued;
  mark_dirty();
}

Connection::Written Connection::write_plain() {
  Outbox& outbox = stream_.pending->outbox;
  std::size_t offered = 0;
  ssize_t size;
  if (outbox.items() == 1 || outbox.bytes() > kCopyBytesMax) {
    std::array<iovec, kPartsMax> parts;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = outbox.gather(parts);
    for (std::size_t i = 0; i < message.msg_iovlen; ++i) offered += parts[i].iov_len;
    size = message.msg_iovlen == 1
               ? ::send(stream_.descriptor, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
               : ::sendmsg(stream_.descriptor, &message, MSG_NOSIGNAL);
  } else {
    const std::span<char> buffer = core_->write_buffer();
    offered = outbox.copy_front(buffer);
    size = ::send(stream_.descriptor, buffer.data(), offered, MSG_NOSIGNAL);
  }
  if (size >= 0) {
    const auto bytes = static_cast<std::size_t>(size);
    return {{IoStatus::kDone, bytes}, bytes < offered};
  }
  const bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return {{again ? IoStatus::kWantWrite : IoStatus::kFailed, 0}, true};
}

Connection::Written Connection::write_once() {
  if (!stream_.tls) return write_plain();
  // The same bytes come first each time, and never fewer: what OpenSSL asks of a repeated write.
  const std::span<char> buffer = core_->write_buffer();
  const std::size_t filled = stream_.pending->outbox.copy_front(buffer);
  const IoResult result = tls_write(stream_.tls, std::string_view(buffer.data(), filled));
  return {result, result.status != IoStatus::kDone};
}

Connection::FlushStatus Connection::flush() {
  if (lost_bytes_) return FlushStatus::kFailed;
  if (!stream_.pending || stream_.pending->outbox.empty()) return FlushStatus::kDrained;
  if (blocked_) return FlushStatus::kLeft;
  Outbox& outbox = stream_.pending->outbox;
  const std::size_t before = outbox.bytes();
  const auto [result, full] = write_once();
  if (result.status == IoStatus::kFailed || result.status == IoStatus::kEnd) {
    return FlushStatus::kFailed;
  }
  add(core_->counters.writes);
  add(core_->counters.bytes_written, result.bytes);
  outbox.consume(result.bytes);
  if (outbox.empty()) {
    if (!deadline_fixed_) drop_pending();
    update_interest(stream_.interest & ~static_cast<std::uint32_t>(EPOLLOUT));
    return FlushStatus::kDrained;
  }
  if (full) {
    blocked_ = true;
    update_interest(stream_.interest | EPOLLOUT);
  } else {
    mark_dirty();  // it was our own bound on one write
  }
  if (!deadline_fixed_) on_bytes_left(outbox.bytes() < before);
  return FlushStatus::kLeft;
}

void Connection::on_bytes_left(bool progressed) {
  if (!progressed && stream_.pending->active()) return;
  core_->timers.start(*stream_.pending, core_->options.write_stall_timeout_ms);
}

void Connection::leave_core() {
  if (stream_.pending) stream_.pending->stop();
  dirty_ = false;
  blocked_ = false;
  core_ = nullptr;
}

void Connection::start_write_deadline(std::int64_t delay_ms) {
  if (!stream_.pending) stream_.pending = core_->take_pending_writes(*this);
  deadline_fixed_ = true;
  core_->timers.start(*stream_.pending, delay_ms);
}

void Connection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  core_->mark_dirty(*this);
}

void Connection::set_reading(bool on, bool watch_hang_up) {
  std::uint32_t interest = stream_.interest & static_cast<std::uint32_t>(EPOLLOUT);
  if (on) interest |= EPOLLIN;
  if (!on && watch_hang_up) interest |= EPOLLRDHUP;
  update_interest(interest);
}

void Connection::update_interest(std::uint32_t interest) {
  if (interest == stream_.interest || stream_.descriptor < 0) return;
  stream_.interest = interest;
  core_->loop.change(stream_.descriptor, interest, *this);
}

void Connection::shut_down_sending() {
  if (stream_.tls) tls_notify_close(stream_.tls);
  ::shutdown(stream_.descriptor, SHUT_WR);
}

void Connection::die() {
  if (dead_) return;
  dead_ = true;
  drop_pending();
  close_stream();
  mark_dirty();
}

void Connection::drop_pending() {
  PendingWrites* const pending = std::exchange(stream_.pending, nullptr);
  if (!pending) return;
  if (core_) {
    core_->give_back(pending);
  } else {
    delete pending;
  }
}

}  // namespace maru::net
