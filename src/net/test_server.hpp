// I/O threads with a handler that tests can script and ask what it heard. Tests only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/io_thread.hpp"
#include "net/test_clock.hpp"
#include "net/websocket.hpp"

namespace maru::net::test {

// What happened, in order, on all threads.
class Journal {
 public:
  void add(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::move(line));
    }
    changed_.notify_all();
  }
  // True once `line` has been added `times` times.
  bool wait_for(const std::string& line, int times = 1, int timeout_ms = 5000) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [&] {
      return std::count(lines_.begin(), lines_.end(), line) >= times;
    });
  }
  int count(const std::string& line) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count(lines_.begin(), lines_.end(), line));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

// By path: /echo answers method, target and body; /wait does not answer, as a poll; /later answers
// from another thread; /pause answers at resume(); /early answers in on_head; /destroy; /move/N
// goes to thread N first; /big/N answers N bytes,
// /close/N too and closes. Any WebSocket is echoed; "pause", "flood",
// "trickle", "bound", "close" and "abandon" are commands to it.
class ScriptedHandler final : public HttpHandler, public WebSocketHandler {
 public:
  ScriptedHandler(Journal& journal, unsigned thread) : journal_(journal), thread_(thread) {}

  std::size_t body_bytes_max = 1000;

  HeadVerdict on_head(HttpExchange exchange, const RequestHead& head) override {
    const std::string path(head.path());
    journal_.add("head " + path + " on " + std::to_string(thread_));
    if (path.starts_with("/move/")) {
      const auto target = static_cast<unsigned>(path[6] - '0');
      if (target != thread_) return {HeadVerdict::Kind::kMove, 0, target};
    }
    if (path == "/early") {
      exchange.respond(text("early"));
      journal_.add("answered " + std::string(head.path()));  // the head is still there
      return {HeadVerdict::Kind::kAnswered, 0, 0};
    }
    HeadVerdict verdict{HeadVerdict::Kind::kReadBody, body_bytes_max, 0};
    verdict.abort_at_half_close = path == "/wait";
    return verdict;
  }

  void on_request(HttpExchange exchange, RequestHead&& head, std::string&& body) override {
    const std::string path(head.path());
    journal_.add("request " + path);
    if (path == "/wait") return;
    if (path == "/destroy") return exchange.destroy();
    if (path == "/pause") {
      paused_ = exchange;
      paused_body_ = std::move(body);
      return;
    }
    if (path == "/later") return exchange.post_response(text("later " + body));
    if (path.starts_with("/big/")) {
      return exchange.respond(text(std::string(std::stoul(path.substr(5)), 'b')));
    }
    if (path.starts_with("/close/")) {
      HttpResponse last = text(std::string(std::stoul(path.substr(7)), 'b'));
      last.close = true;
      return exchange.respond(std::move(last));
    }
    HttpResponse response = text(head.method_name + " " + head.target + " " + body);
    if (path == "/close") response.close = true;
    if (path == "/inject") response.set("X-A", "a\r\nX-B: b");
    exchange.respond(std::move(response));
  }

  void on_body_too_large(HttpExchange exchange, const RequestHead& head) override {
    journal_.add("too large " + std::string(head.path()));
    HttpResponse response;
    response.status = 413;
    exchange.respond(std::move(response));
  }

  void on_upgrade(HttpExchange exchange, RequestHead&& head) override {
    journal_.add("upgrade " + std::string(head.path()));
    if (head.path() == "/refuse") {
      HttpResponse response = text("no");
      response.status = 400;
      return exchange.respond(std::move(response));
    }
    if (!exchange.accept_websocket(*this, {{"X-Extra", "1"}})) journal_.add("faulty handshake");
  }

  void on_aborted(HttpExchange) override { journal_.add("aborted"); }

  void on_text(WebSocketConnection& connection, std::string_view text) override {
    if (text == "pause") return connection.pause_reading();
    if (text == "flood") return flood(connection);
    if (text == "trickle") return trickle(connection);
    if (text == "bound") return connection.set_message_bytes_max(100);
    if (text == "close") {
      connection.send_text("last");
      return connection.close();
    }
    if (text == "abandon") {
      connection.send_text("last");
      return connection.abandon();
    }
    connection.send(TextFrame::make(text));
    last_ = &connection;
  }
  void on_binary(WebSocketConnection& connection, std::string_view bytes) override {
    connection.send_binary(bytes);
  }
  void on_closed(WebSocketConnection& connection, CloseReason reason) override {
    static constexpr const char* kNames[] = {"peer closed", "error", "protocol error",
                                             "slow consumer", "closed by server"};
    if (&connection == last_) last_ = nullptr;
    journal_.add(std::string("closed: ") + kNames[static_cast<int>(reason)]);
  }

  // Answers the last /pause. On its thread.
  void resume() { paused_.post_response(text("later " + paused_body_)); }

  WebSocketConnection* last_ = nullptr;

 private:
  static HttpResponse text(std::string body) {
    HttpResponse response;
    response.content_type = "text/plain";
    response.body = std::move(body);
    return response;
  }

  // Sends until the outbox is full, as to a client that does not read.
  void flood(WebSocketConnection& connection) {
    const TextFrame frame = TextFrame::make(std::string(10'000, 'f'));
    SendResult result = SendResult::kQueued;
    while (result == SendResult::kQueued) result = connection.send(frame);
    journal_.add(result == SendResult::kSlowConsumer ? "flood: slow" : "flood: other");
    if (connection.send(frame) == SendResult::kClosing) journal_.add("flood: closing");
  }

  void trickle(WebSocketConnection& connection) {
    const TextFrame frame = TextFrame::make("x");
    int sent = 0;
    while (connection.send(frame) == SendResult::kQueued) ++sent;
    journal_.add(sent < 2500 ? "trickle: few" : "trickle: many");
  }

  Journal& journal_;
  unsigned thread_;
  HttpExchange paused_;
  std::string paused_body_;
};

class Server {
 public:
  // `clock`: null is the machine's. One that is given outlives the server.
  explicit Server(NetOptions options = {}, unsigned threads = 1, std::shared_ptr<Tls> tls = nullptr,
                  SteppedClock* clock = nullptr)
      : stepped_(clock) {
    auto listening = listen_on("127.0.0.1", 0, threads);
    if (!listening) throw std::runtime_error(listening.error().detail);
    port_ = listening->port;
    std::vector<IoThread*> peers;
    for (unsigned i = 0; i < threads; ++i) {
      threads_.push_back(std::make_unique<IoThread>(
          i, options, clock != nullptr ? static_cast<const Clock&>(*clock) : system_clock_));
      handlers_.push_back(std::make_unique<ScriptedHandler>(journal_, i));
      peers.push_back(threads_.back().get());
    }
    for (unsigned i = 0; i < threads; ++i) {
      threads_[i]->set_peers(peers);
      threads_[i]->set_handler(*handlers_[i]);
      threads_[i]->start(listening->descriptors[i], tls);
    }
  }
  ~Server() { stop(); }

  void stop() {
    for (const auto& thread : threads_) thread->stop();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  Journal& journal() { return journal_; }
  IoThread& thread(unsigned index = 0) { return *threads_[index]; }
  ScriptedHandler& handler(unsigned index = 0) { return *handlers_[index]; }
  // Runs `task` on the thread and waits for it.
  void run_on(unsigned index, const std::function<void()>& task) {
    const std::string done = "done " + std::to_string(++tasks_);
    threads_[index]->post([&] {
      task();
      journal_.add(done);
    });
    journal_.wait_for(done);
  }
  // Whole turns, in which everything is done that can be done without the other end.
  void take_turns() {
    for (unsigned i = 0; i < threads_.size(); ++i) {
      for (int turn = 0; turn < 3; ++turn) run_on(i, [] {});
    }
  }
  // Time passes, and what is due by then has been done.
  void pass(std::int64_t ms) {
    stepped_->advance_ms(ms);
    take_turns();
  }

 private:
  SystemClock system_clock_;
  SteppedClock* const stepped_;
  Journal journal_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::vector<std::unique_ptr<ScriptedHandler>> handlers_;
  std::uint16_t port_ = 0;
  int tasks_ = 0;
};

}  // namespace maru::net::test
