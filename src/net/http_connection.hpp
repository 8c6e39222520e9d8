// A connection that speaks HTTP/1.1: one exchange at a time, what the client sends ahead waits
// unread. Owner thread only, except while it travels between threads (HeadVerdict::kMove).
//
// Deadlines (quality.md 1, row 21): the head within head_timeout_ms, a body no slower than
// body_bytes_per_second_min, keep_alive_timeout_ms (and a second) between requests, counted from
// when the answer was read; a connection that never sent a request has but head_timeout_ms. An
// answer is read at read_bytes_per_second_min. While the handler works on a request there is none:
// that is the handler's business, and nothing of the request is kept for it.
//
// What is unwritten is accounted with NetOptions::answer_bytes: a large answer before it is queued
// (it becomes a 503 where there is no room), small ones only once the kernel did not take them at
// once.
//
// http_connection.cpp reads, http_connection_answers.cpp answers and ends, and
// http_connection_unread.cpp watches over what clients do not read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/address.hpp"
#include "net/connection.hpp"
#include "net/http.hpp"
#include "net/http_parser.hpp"

namespace maru::net {

struct WebSocketOffer;

class HttpConnection final : public Connection {
 public:
  HttpConnection(IoCore& core, Stream& stream, const Address& peer);
  ~HttpConnection() override;

  // What HttpExchange does, for the exchange that is open now.
  void respond(HttpResponse&& response);
  void destroy();
  WebSocketConnection* accept_websocket(
      WebSocketHandler& handler, const std::vector<std::pair<std::string, std::string>>& fields);

  // Around a journey to another thread: the first on the old one, the second on the new one.
  void leave_thread();
  static void join_thread(std::unique_ptr<Connection> connection, IoThread& thread);

  void end_of_turn() override;
  void on_stop() override;
  void on_write_deadline() override;

 private:
  enum class State : std::uint8_t {
    kHead,     // between requests, or in the midst of a head
    kDecided,  // within on_head
    kBody,
    kWaiting,  // the handler has the request
    kDiscard,  // answered already; the rest of the body is thrown away
    kLeaving,  // the verdict was kMove
    kArrived,  // on the other thread, whose handler has not seen the head yet
    kLinger,   // the last answer goes out; what comes in is thrown away
  };

  // An answer, or several, whose bytes are not all written.
  struct Unwritten {
    std::uint64_t end = 0;  // of its bytes, counted over the connection's life
    SharedBudget::Lease lease;
  };

  // The rest of a body that was answered early is read and thrown away up to this size.
  static constexpr std::size_t kDiscardBytesMax = 64 * 1024;

  class Deadline final : public Timer {
   public:
    explicit Deadline(HttpConnection& connection) : connection_(connection) {}
    ~Deadline() = default;

   private:
    void on_timer() override {
      connection_.edge([this] { connection_.on_deadline(); });
    }
    HttpConnection& connection_;
  };

  void on_readable() override;
  void on_failed() override;
  void on_bytes_left(bool progressed) override;
  void on_deadline();
  void on_end_of_stream();

  [[nodiscard]] bool is_held_back() const;
  void resume_reading();
  bool process(std::span<char> fresh);
  void take_in(std::span<char> fresh);
  void keep_rest(std::span<char> fresh, bool kept_before);
  bool step();
  bool step_head();
  bool step_body();
  bool discard_body();
  bool begin_exchange();
  bool obey(const HeadVerdict& verdict);
  bool deliver();
  bool deliver_too_large();
  void consume(std::size_t size);

  void note_request();
  void forget_request();
  [[nodiscard]] bool has_unread() const;
  void refuse(int status, const char* detail);
  void send_response(HttpResponse&& response, bool close);
  void queue_answer(SharedBytes bytes, SharedBudget::Lease lease);
  [[nodiscard]] bool reserve(HttpResponse& response, std::size_t bytes);
  bool settle(bool all_written);
  [[nodiscard]] SharedBudget::Holder holder() const;
  void begin_read_window();
  [[nodiscard]] bool kept_reading();
  void drop_unread();
  void begin_idle();
  [[nodiscard]] bool waits_for_peer();
  void finish_exchange(bool close);
  void begin_linger();
  void linger_on();
  void start_body_window();
  void abort_exchange();

  std::unique_ptr<HttpParser> parser_;        // while a request is being read
  std::unique_ptr<HttpParser> spent_parser_;  // within process(): a handler may still look at it
  std::unique_ptr<WebSocketOffer> offer_;
  std::string unread_;
  std::string_view input_;  // within process(): what is unread, in unread_ or the receive buffer
  std::uint64_t exchange_ = 0;  // 0: none is open
  std::size_t body_bytes_max_ = 0;
  std::size_t window_bytes_ = 0;     // body bytes in the present window; in kLinger: thrown away
  std::size_t discarded_bytes_ = 0;  // in kDiscard: of the body
  Deadline deadline_;
  Address peer_;
  std::vector<Unwritten> unwritten_;
  std::uint64_t answered_bytes_ = 0;     // all that was ever queued
  std::uint64_t acknowledged_mark_ = 0;  // PeerProgress::acknowledged when the window began
  std::int64_t window_began_ms_ = 0;
  SharedBudget::Holder holder_ = SharedBudget::kManyHolders;  // behind a trusted proxy: the client
  std::size_t unchecked_bytes_ = 0;  // queued since the kernel was last known to hold nothing
  unsigned move_to_ = 0;
  State state_ = State::kHead;
  std::uint8_t moves_ = 0;
  bool processing_ = false;
  bool served_ = false;       // at least one request before
  bool close_after_ = false;  // no request after this one
  // Of the request that waits for its answer.
  bool head_only_ = false;
  bool http_1_1_ = true;
  bool abort_at_half_close_ = false;
  bool carries_secret_ = false;  // of the request whose body is read
  bool held_secret_ = false;     // within process(): what it has seen so far
  bool reading_paused_ = false;
  bool sending_shut_ = false;
  bool behind_proxy_ = false;
  bool watching_kernel_ = false;  // kHead, nothing pending: the deadline is of a read window
  bool peer_ended_ = false;
};

}  // namespace maru::net
