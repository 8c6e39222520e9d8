#include <algorithm>
#include <utility>

#include "net/http_connection.hpp"
#include "net/io_core.hpp"
#include "net/peer_progress.hpp"

namespace maru::net {
namespace {

// Up to this much an answer mostly goes to the kernel in the turn in which it is made. It is not
// accounted before it is known to be left, and the kernel is not asked what became of it.
constexpr std::size_t kSmallAnswerBytes = 16 * 1024;

// A client that trusts in Keep-Alive to the last moment has its request on the way until then. The
// field counts whole seconds; under one there is none.
constexpr std::int64_t kKeepAliveGraceMs = 1000;

// The end of the stream counts as a byte that is acknowledged.
constexpr std::size_t kEndOfStreamBytes = 1;

}  // namespace

// --- What is held ----------------------------------------------------------------------------

SharedBudget::Holder HttpConnection::holder() const {
  if (behind_proxy_) return holder_;
  return AddressHash{}(limit_prefix(peer_));
}

// False: there is no room for this answer, and it has to be another one.
bool HttpConnection::reserve(HttpResponse& response, std::size_t bytes) {
  if (response.lease) {
    response.lease.resize(bytes);
    return true;
  }
  SharedBudget* const budget = core_->options.answer_bytes;
  if (budget == nullptr || bytes <= kSmallAnswerBytes) return true;
  response.lease = budget->try_take(holder(), bytes);
  if (response.lease) return true;
  budget->total().count_refusal();
  return false;
}

void HttpConnection::queue_answer(SharedBytes bytes, SharedBudget::Lease lease) {
  answered_bytes_ += bytes.size();
  unchecked_bytes_ += bytes.size();
  unwritten_.push_back({answered_bytes_, std::move(lease)});
  queue(std::move(bytes));
}

// After a flush: gives back what was held for bytes that are written, and accounts those that are
// left. False: there is no room for them.
bool HttpConnection::settle(bool all_written) {
  if (all_written) {
    unwritten_.clear();
    return true;
  }
  const std::uint64_t written = answered_bytes_ - queued();
  std::uint64_t begin = written;
  SharedBudget* const budget = core_->options.answer_bytes;
  for (Unwritten& answer : unwritten_) {
    if (answer.end <= written) {
      answer.lease = {};
      continue;
    }
    if (budget != nullptr && !answer.lease) {
      answer.lease = budget->try_take(holder(), static_cast<std::size_t>(answer.end - begin));
      if (!answer.lease) {
        budget->total().count_refusal();
        add(core_->counters.unread_dropped);
        return false;
      }
    }
    begin = answer.end;
  }
  std::erase_if(unwritten_, [written](const Unwritten& answer) { return answer.end <= written; });
  return true;
}

// --- Whether it is read ----------------------------------------------------------------------

void HttpConnection::begin_read_window() {
  window_began_ms_ = core_->now_ms();
  acknowledged_mark_ = peer_progress(stream_.descriptor).acknowledged;
}

// Over the window that ends now; the next one begins.
bool HttpConnection::kept_reading() {
  const std::uint64_t before = acknowledged_mark_;
  const std::int64_t spent_ms = core_->now_ms() - window_began_ms_;
  begin_read_window();
  const auto due =
      core_->options.read_bytes_per_second_min * static_cast<std::uint64_t>(spent_ms) / 1000;
  return acknowledged_mark_ - before >= due;
}

// Progress does not extend a window: a byte now and then would hold an answer for ever.
void HttpConnection::on_bytes_left(bool /*progressed*/) {
  if (stream_.pending->active()) return;
  begin_read_window();
  core_->timers.start(*stream_.pending, core_->options.read_window_ms);
}

void HttpConnection::on_write_deadline() {
  if (kept_reading()) {
    core_->timers.start(*stream_.pending, core_->options.read_window_ms);
  } else {
    drop_unread();
  }
}

void HttpConnection::drop_unread() {
  add(core_->counters.unread_dropped);
  reset_at_close(stream_.descriptor);
  on_failed();
}

// All is written, but the kernel may still hold some of it. A client that takes long to read that
// is not idle; it reads as fast as any other.
void HttpConnection::begin_idle() {
  watching_kernel_ = false;
  if (unchecked_bytes_ > kSmallAnswerBytes) {
    if (peer_progress(stream_.descriptor).unread != 0) {
      watching_kernel_ = true;
      begin_read_window();
      core_->timers.start(
          deadline_, std::min(core_->options.read_window_ms, core_->options.keep_alive_timeout_ms));
      return;
    }
    unchecked_bytes_ = 0;
  }
  const std::int64_t idle_ms = core_->options.keep_alive_timeout_ms;
  core_->timers.start(deadline_, idle_ms + (idle_ms >= 1000 ? kKeepAliveGraceMs : 0));
}

// At a deadline with nothing pending: true when the connection goes on or has been dropped already,
// false when it has nothing to wait for.
bool HttpConnection::waits_for_peer() {
  if (state_ == State::kHead && !watching_kernel_) return false;
  const PeerProgress progress = peer_progress(stream_.descriptor);
  if (progress.unread <= (sending_shut_ ? kEndOfStreamBytes : 0)) {
    if (state_ != State::kHead) return false;
    begin_idle();
    return true;
  }
  if (state_ == State::kLinger && !std::exchange(watching_kernel_, true)) {
    begin_read_window();
  } else if (!kept_reading()) {
    drop_unread();
    return true;
  }
  core_->timers.start(deadline_, core_->options.read_window_ms);
  return true;
}

}  // namespace maru::net
