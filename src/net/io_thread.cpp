#include "net/io_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <unistd.h>
#include <limits>
#include <string>
#include <thread>

#include "base/mailbox.hpp"
#include "base/memory.hpp"
#include "net/acceptor.hpp"
#include "net/http_connection.hpp"
#include "net/io_core.hpp"

namespace maru::net {
namespace {

// How long a stop lets queued bytes go out.
constexpr std::int64_t kStopFlushMs = 500;

// OpenSSL writes without MSG_NOSIGNAL.
void block_sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

struct IoThread::Implementation {
  Implementation(IoThread& thread, const NetOptions& options, const Clock& clock)
      : core(thread, options, clock),
        tasks(std::numeric_limits<std::size_t>::max(), [this] { core.loop.wake(); }) {}

  void run(int listening_descriptor, std::shared_ptr<Tls> tls);
  void run_tasks();
  void shut_down();

  IoCore core;
  Mailbox<Job> tasks;
  std::vector<Job> batch;
  std::function<void()> wake_hook;
  std::unique_ptr<Acceptor> acceptor;
  std::thread worker;
  // The worker's own word: `worker` is still being assigned when its first connection comes.
  std::atomic<std::thread::id> worker_id;
  std::atomic<bool> stop_asked{false};
};

IoCore& IoCore::of(IoThread& thread) {
  return thread.implementation_->core;
}

void IoThread::Implementation::run_tasks() {
  tasks.drain(batch);
  for (Job& task : batch) {
    [[maybe_unused]] const bool done = memory::survive(task);
    task = {};
  }
  batch.clear();
  if (wake_hook) {
    [[maybe_unused]] const bool done = memory::survive(wake_hook);
  }
}

void IoThread::Implementation::run(int listening_descriptor, std::shared_ptr<Tls> tls) {
  block_sigpipe();
  core.refresh_now();
  if (listening_descriptor >= 0) {
    acceptor = std::make_unique<Acceptor>(core, listening_descriptor, std::move(tls));
  }
  while (!stop_asked.load(std::memory_order_acquire)) {
    core.turn([this] { run_tasks(); });
  }
  shut_down();
}

void IoThread::Implementation::shut_down() {
  acceptor.reset();
  core.refresh_now();
  core.begin_stop();
  class Alarm final : public Timer {
   public:
    ~Alarm() = default;
    bool rung = false;

   private:
    void on_timer() override { rung = true; }
  } alarm;
  core.timers.start(alarm, kStopFlushMs);
  core.loop.wake();
  do {
    core.turn([this] { run_tasks(); });
  } while (core.has_pending_writes() && !alarm.rung);
  core.kill_all();
  core.finish_turn();
  tasks.close();
  tasks.drain(batch);
  batch.clear();
}

IoThread::IoThread(unsigned index, const NetOptions& options, const Clock& clock)
    : index_(index),
      clock_(clock),
      implementation_(std::make_unique<Implementation>(*this, options, clock)) {}

IoThread::~IoThread() {
  stop();
}

std::size_t IoThread::peer_count() const {
  return implementation_->core.peers.size();
}

void IoThread::set_peers(std::vector<IoThread*> peers) {
  if (!peers.empty()) implementation_->core.door = peers.front()->implementation_->core.door;
  implementation_->core.peers = std::move(peers);
}
std::size_t IoThread::connections_max() const {
  return implementation_->core.door->limits.connections_max();
}
void IoThread::set_handler(HttpHandler& handler) {
  implementation_->core.handler = &handler;
}
void IoThread::on_wake(std::function<void()> hook) {
  implementation_->wake_hook = std::move(hook);
}

void IoThread::start(int listening_descriptor, std::shared_ptr<Tls> tls) {
  implementation_->worker = std::thread([this, listening_descriptor, tls = std::move(tls)] {
    implementation_->worker_id.store(std::this_thread::get_id(), std::memory_order_release);
    implementation_->run(listening_descriptor, tls);
  });
  const std::string name = "io-" + std::to_string(index_);
  ::pthread_setname_np(implementation_->worker.native_handle(), name.c_str());
}

void IoThread::set_tls(std::shared_ptr<Tls> tls) {
  post([this, tls = std::move(tls)]() mutable {
    if (implementation_->acceptor) implementation_->acceptor->set_tls(std::move(tls));
  });
}

void IoThread::post(Job task) {
  // Closed: the thread has ended, and the task goes unrun. It is never full.
  [[maybe_unused]] const PostResult result = implementation_->tasks.try_post(std::move(task));
}

void IoThread::wake() {
  implementation_->core.loop.wake();
}

void IoThread::stop_accepting() {
  post([this] {
    if (implementation_->acceptor) implementation_->acceptor->close();
  });
}

void IoThread::turn() {
  Implementation& it = *implementation_;
  it.core.loop.wake();
  it.core.turn([&it] { it.run_tasks(); });
}

void IoThread::request_stop() {
  implementation_->stop_asked.store(true, std::memory_order_release);
  wake();
}

void IoThread::stop() {
  if (!implementation_->worker.joinable()) return;
  request_stop();
  implementation_->worker.join();
}

TimerWheel& IoThread::timers() {
  return implementation_->core.timers;
}

MonotonicTime IoThread::now() const {
  return MonotonicTime{implementation_->core.now_ms()};
}

bool IoThread::on_this_thread() const {
  return std::this_thread::get_id() == implementation_->worker_id.load(std::memory_order_acquire);
}

const NetCounters& IoThread::counters() const {
  return implementation_->core.counters;
}

// --- HttpExchange ----------------------------------------------------------------------------

void HttpExchange::respond(HttpResponse response) const {
  if (!thread_) return;
  if (auto* connection = thread_->implementation_->core.find_exchange(id_)) {
    connection->edge([&] { connection->respond(std::move(response)); });
  }
}

void HttpExchange::post_response(HttpResponse response) const {
  if (!thread_) return;
  thread_->post([exchange = *this, response = std::move(response)]() mutable {
    exchange.respond(std::move(response));
  });
}

void HttpExchange::destroy() const {
  if (!thread_) return;
  if (auto* connection = thread_->implementation_->core.find_exchange(id_)) connection->destroy();
}

WebSocketConnection* HttpExchange::accept_websocket(
    WebSocketHandler& handler,
    const std::vector<std::pair<std::string, std::string>>& fields) const {
  if (!thread_) return nullptr;
  auto* connection = thread_->implementation_->core.find_exchange(id_);
  return connection ? connection->accept_websocket(handler, fields) : nullptr;
}

}  // namespace maru::net
