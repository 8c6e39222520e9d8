// Histories of whole connections: HTTP, polling, upgrades, WebSockets, half-closes, resets, time
// and what the application does meanwhile, on one I/O thread driven by hand. No history may end a
// socket twice or not at all, and when all clients have gone nothing is left.
//
// The input is a script, a letter a step (see Play::step); letters that mean nothing are passed
// over, so that any bytes are a script.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "check.hpp"
#include "endpoint/endpoint.hpp"
#include "net/http_connection.hpp"
#include "net/io_core.hpp"

namespace {

using namespace maru;
using endpoint::Disconnect;
using endpoint::Socket;

constexpr std::size_t kClientsMax = 8;
constexpr std::size_t kSessionsMax = 4;
constexpr std::size_t kStepsMax = 400;

constexpr std::array<std::string_view, 20> kPackets = {"40",
                                                       "40/a,",
                                                       R"(42["e"])",
                                                       R"(42["leave"])",
                                                       R"(42["pause"])",
                                                       R"(451-["b",{"_placeholder":true,"num":0}])",
                                                       "bAQID",
                                                       "41",
                                                       "1",
                                                       "2probe",
                                                       "5",
                                                       "3",
                                                       "4x",
                                                       "430[]",
                                                       R"(42["big"])",
                                                       "6",
                                                       "x",
                                                       "41/a,",
                                                       R"(42/a,["e"])",
                                                       R"(42["drop"])"};

// What the sockets' owner does; it checks that each is ended once.
class Owner final : public endpoint::Application {
 public:
  std::set<Socket*> alive;
  std::vector<Socket*> paused;
  bool later = false;  // CONNECTs are answered by act()
  std::vector<endpoint::PendingConnect> pending;

  void act(char what) {
    if (what == 'l') later = !later;
    if (what == 'w') answer_pending();
    if (what == 'r') resume_all();
    if (alive.empty()) return;
    Socket& socket = **alive.begin();
    if (what == 'e') socket.emit(R"(["e"])");
    if (what == 'v') socket.emit_volatile(R"(["v"])");
    if (what == 's') socket.disconnect(Disconnect::kSocketOnly);
    if (what == 't') socket.disconnect(Disconnect::kTransportOnly);
    if (what == 'u') socket.disconnect(Disconnect::kWithTransport);
  }
  void answer_pending() {
    for (const auto& connect : std::exchange(pending, {})) accept(connect);
  }
  void resume_all() {
    for (Socket* socket : std::exchange(paused, {})) socket->resume_reading();
  }

 private:
  endpoint::RequestVerdict on_request(const net::RequestHead& head,
                                      endpoint::HandshakeData*) override {
    endpoint::RequestVerdict verdict;
    verdict.allowed = head.field("origin").empty();
    return verdict;
  }
  bool has_namespace(std::string_view name) override { return name == "/" || name == "/a"; }
  void on_connect(const endpoint::ConnectRequest&, endpoint::PendingConnect connect) override {
    if (later) {
      pending.push_back(connect);
    } else {
      accept(connect);
    }
  }
  void accept(const endpoint::PendingConnect& connect) {
    if (Socket* socket = connect.accept()) MARU_FUZZ_CHECK(alive.insert(socket).second);
  }
  void on_event(Socket& socket, const endpoint::Event& event) override {
    MARU_FUZZ_CHECK(alive.contains(&socket));
    if (event.name == "leave") socket.disconnect(Disconnect::kSocketOnly);
    if (event.name == "drop") socket.disconnect(Disconnect::kWithTransport);
    if (event.name == "pause") {
      socket.pause_reading();
      paused.push_back(&socket);
    }
    if (event.name == "big") {
      for (int i = 0; i < 20; ++i) socket.emit("[\"" + std::string(5000, 'b') + "\"]");
    }
    if (event.ack) socket.acknowledge(*event.ack, "[]");
  }
  void on_disconnect(Socket& socket, endpoint::DisconnectReason) override {
    MARU_FUZZ_CHECK(alive.erase(&socket) == 1);
    std::erase(paused, &socket);
  }
};

endpoint::EndpointOptions options() {
  endpoint::EndpointOptions options;
  options.polling_buffer_bytes_max = 50'000;
  options.unjoined_sessions_max = 3;
  return options;
}

class Play {
 public:
  explicit Play(std::string_view script) : script_(script) {
    thread_.set_peers({&thread_});
    thread_.set_handler(endpoint_);
  }

  void run() {
    for (std::size_t steps = 0; !script_.empty() && steps < kStepsMax; ++steps) {
      step(take());
      turn();
    }
    end();
  }

 private:
  char take() {
    if (script_.empty()) return '\0';
    const char c = script_.front();
    script_.remove_prefix(1);
    return c;
  }
  std::string_view take_packet() {
    return kPackets[static_cast<unsigned char>(take()) % kPackets.size()];
  }

  void step(char what) {
    if (what >= '0' && what <= '7') client_ = static_cast<std::size_t>(what - '0');
    if (what >= 'A' && what <= 'D') session_ = static_cast<std::size_t>(what - 'A');
    if (what == 'o') open();
    if (what == 't') clock_.advance_ms((take() & 0x7F) * 200);
    if (what == 'a') owner_.act(take());
    if (client_ >= clients_.size()) return;
    switch (what) {
      case 'h':
        return request("GET", "", "");
      case 'g':
        return request("GET", sid(), "");
      case 'p':
        return post();
      case 'u':
        return upgrade(sid());
      case 'w':
        return upgrade("");
      case 'f':
        return frame(0x81, take_packet());
      case 'b':
        return frame(0x82, "bytes");
      case 'q':
        return frame(static_cast<unsigned char>(take()), take_packet());
      case 'r':
        return raw();
      case 'e':
        ::shutdown(clients_[client_], SHUT_WR);
        return;
      case 'c':
        return drop(client_);
      default:
        return;
    }
  }

  void open() {
    if (clients_.size() >= kClientsMax) return;
    std::array<int, 2> pair{};
    MARU_FUZZ_CHECK(
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()) == 0);
    net::IoCore& core = net::IoCore::of(thread_);
    net::Stream stream;
    stream.descriptor = pair[0];
    auto connection =
        std::make_unique<net::HttpConnection>(core, stream, *net::Address::parse("192.0.2.1"));
    MARU_FUZZ_CHECK(connection->watch(EPOLLIN));
    core.add(std::move(connection));
    client_ = clients_.size();
    clients_.push_back(pair[1]);
  }

  void drop(std::size_t client) {
    ::close(clients_[client]);
    clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(client));
  }

  void write(std::string_view bytes) {
    // What the server does not take is lost: a client that gives up.
    [[maybe_unused]] const auto size =
        ::send(clients_[client_], bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  [[nodiscard]] std::string sid() const {
    return session_ < sids_.size() ? "&sid=" + sids_[session_] : "&sid=none";
  }
  static std::string target(std::string_view transport, const std::string& sid) {
    return "/socket.io/?EIO=4&transport=" + std::string(transport) + sid;
  }
  void request(std::string_view method, const std::string& sid, const std::string& body) {
    std::string text =
        std::string(method) + " " + target("polling", sid) + " HTTP/1.1\r\nHost: a\r\n";
    if (method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    write(text + "\r\n" + body);
  }
  // "p", then packets up to ".".
  void post() {
    std::string body;
    for (int i = 0; i < 8 && !script_.empty() && script_.front() != '.'; ++i) {
      if (!body.empty()) body += '\x1e';
      body += take_packet();
    }
    request("POST", sid(), body);
  }
  void upgrade(const std::string& sid) {
    write("GET " + target("websocket", sid) +
          " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  }
  void frame(unsigned char first, std::string_view payload) {
    std::string bytes = {
        static_cast<char>(first), static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0};
    write(bytes.append(payload));
  }
  // "r", how many, and so many bytes of the script as they are.
  void raw() {
    const std::size_t wanted = static_cast<unsigned char>(take());
    const std::size_t size = std::min(wanted, script_.size());
    write(script_.substr(0, size));
    script_.remove_prefix(size);
  }

  void turn() {
    thread_.turn();
    thread_.turn();
    for (const int client : clients_) read(client);
  }
  void read(int client) {
    std::array<char, 16 * 1024> buffer;
    const ssize_t size = ::recv(client, buffer.data(), buffer.size(), 0);
    if (size <= 0) return;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(size));
    const std::size_t found = text.find(R"(0{"sid":")");
    if (found == std::string_view::npos || sids_.size() >= kSessionsMax) return;
    sids_.emplace_back(text.substr(found + 9, 24));
  }

  void end() {
    while (!clients_.empty()) drop(0);
    endpoint_.close_all();
    const net::NetCounters& counters = thread_.counters();
    for (int i = 0; i < 200 && counters.connections_open.load() > 0; ++i) {
      clock_.advance_ms(500);
      thread_.turn();
    }
    thread_.turn();
    MARU_FUZZ_CHECK(counters.connections_open.load() == 0);
    MARU_FUZZ_CHECK(counters.websockets_open.load() == 0);
    MARU_FUZZ_CHECK(endpoint_.session_count() == 0);
    MARU_FUZZ_CHECK(owner_.alive.empty());
  }

  std::string_view script_;
  ManualClock clock_;
  std::uint64_t random_ = 1;
  Owner owner_;
  net::IoThread thread_{0, net::NetOptions{.outbox_bytes_max = 50'000}, clock_};
  endpoint::Endpoint endpoint_{thread_, options(), owner_,
                               [this](std::uint8_t* out, std::size_t size) {
                                 for (; size > 0; --size) {
                                   random_ = random_ * 6364136223846793005U + 1442695040888963407U;
                                   *out++ = static_cast<std::uint8_t>(random_ >> 56);
                                 }
                               }};
  std::vector<int> clients_;
  std::vector<std::string> sids_;
  std::size_t client_ = 0;
  std::size_t session_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(std::string_view(reinterpret_cast<const char*>(data), size)).run();
  return 0;
}
