#include "commandlog/local/local_command_log.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <thread>
#include <utility>

namespace maru::local {

using std::chrono::milliseconds;

LocalCommandLog::LocalCommandLog(const Clock& clock, IdSource& ids, std::size_t waiting_max)
    : clock_(clock), ids_(ids), mailbox_(waiting_max) {}

bool LocalCommandLog::submit(chat::Command&& command) {
  chat::give_ids(command, ids_);
  return mailbox_.try_post(std::move(command)) == PostResult::kPosted;
}

// The lane has one order: once a command that does nothing is answered, so is all before it.
void LocalCommandLog::settle(MonotonicTime until) {
  auto done = std::make_shared<std::promise<void>>();
  const auto answered = done->get_future();
  const auto post_barrier = [&] {
    return mailbox_.try_post({chat::TouchActivity{}, [done](chat::Reply) { done->set_value(); }});
  };
  const auto left = [&] {
    return milliseconds(std::max<std::int64_t>(until.ms - clock_.monotonic().ms, 0));
  };
  for (;;) {
    const PostResult posted = post_barrier();
    if (posted == PostResult::kPosted) break;
    if (posted == PostResult::kClosed || left() == milliseconds(0)) return;
    std::this_thread::sleep_for(milliseconds(1));
  }
  answered.wait_for(left());
}

bool LocalCommandLog::take(std::vector<chat::Command>& out, milliseconds wait) {
  return mailbox_.wait_drain(out, wait);
}

void LocalCommandLog::close() {
  mailbox_.close();
}

}  // namespace maru::local
