// The server that the protocol suites talk to: an Engine.IO echo on /engine.io/ and, on
// /socket.io/, the application that the Socket.IO suite asks for, with a few events and namespaces
// more for our own tests. Prints "listening on <port>" when it is ready; SIGTERM or SIGINT ends it.
//
// `conformance_server --help` names its flags.
#include <sys/random.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/engine_server.hpp"
#include "net/io_thread.hpp"

namespace maru::conformance {
namespace {

using endpoint::Application;
using endpoint::ConnectRequest;
using endpoint::Disconnect;
using endpoint::DisconnectReason;
using endpoint::EndpointOptions;
using endpoint::EngineServer;
using endpoint::EngineSession;
using endpoint::Event;
using endpoint::HandshakeData;
using endpoint::PendingConnect;
using endpoint::RequestVerdict;
using endpoint::Socket;

void fill_random(std::uint8_t* out, std::size_t size) {
  if (getrandom(out, size, 0) != static_cast<ssize_t>(size)) std::abort();
}

// CORS for everybody; one origin is refused, to test that too.
RequestVerdict allow_all(const net::RequestHead& head) {
  RequestVerdict verdict;
  verdict.allowed = head.field("origin") != "https://evil.example";
  if (verdict.allowed) verdict.fields.emplace_back("Access-Control-Allow-Origin", "*");
  return verdict;
}

// --- /engine.io/ -----------------------------------------------------------------------------

class EchoSession final : public EngineSession {
 public:
  explicit EchoSession(EngineServer& server) : EngineSession(server) {}

 private:
  void on_message(std::string_view text) override { send_text("4" + std::string(text)); }
  void on_binary_message(std::string_view bytes) override { send_binary(bytes); }
  void on_session_closed(DisconnectReason) override {}
};

class EchoApplication final : public endpoint::EngineApplication {
  RequestVerdict on_request(const net::RequestHead& head, HandshakeData*) override {
    return allow_all(head);
  }
  std::unique_ptr<EngineSession> make_session(EngineServer& server,
                                              const net::RequestHead&) override {
    return std::make_unique<EchoSession>(server);
  }
};

// --- /socket.io/ -----------------------------------------------------------------------------

// `["name",rest]` as it came, with another name; or without any, as an ack's arguments.
std::string renamed(std::string_view text, std::string_view name) {
  const std::size_t end_of_name = text.find_first_of(",]", text.find('"', 2));
  std::string out = "[";
  if (!name.empty()) {
    out += '"';
    out += name;
    out += '"';
  }
  std::string_view rest = text.substr(end_of_name);
  if (name.empty() && rest.starts_with(',')) rest.remove_prefix(1);
  out += rest;
  return out;
}

class SuiteApplication final : public Application {
  RequestVerdict on_request(const net::RequestHead& head, HandshakeData*) override {
    return allow_all(head);
  }

  bool has_namespace(std::string_view name) override {
    return name == "/" || name == "/custom" || name == "/refused";
  }

  void on_connect(const ConnectRequest& request, PendingConnect pending) override {
    if (request.namespace_name == "/refused") {
      pending.refuse("not \"today\"", R"({"code":"closed"})");
      return;
    }
    const std::string auth(request.auth_text);
    if (Socket* socket = pending.accept()) socket->emit(R"(["auth",)" + auth + "]");
  }

  void on_event(Socket& socket, const Event& event) override {
    if (event.refused) {
      socket.emit("[\"refused\",\"" + std::string(to_string(event.refused->code)) + "\"]");
    } else if (event.name == "message") {
      const std::string answer = renamed(event.text, "message-back");
      if (event.binary) {
        socket.emit_binary(answer, event.attachments);
      } else {
        socket.emit(answer);
      }
    } else if (event.name == "message-with-ack" && event.ack) {
      const std::string answer = renamed(event.text, {});
      if (event.binary) {
        socket.acknowledge_binary(*event.ack, answer, event.attachments);
      } else {
        socket.acknowledge(*event.ack, answer);
      }
    } else if (event.name == "leave-me") {
      socket.disconnect(Disconnect::kSocketOnly);
      socket.emit(R"(["never"])");
    } else if (event.name == "kick-me") {
      socket.disconnect(Disconnect::kWithTransport);
    } else if (event.name == "drop-me") {
      socket.disconnect(Disconnect::kTransportOnly);
    } else if (event.name == "flood-me") {
      const std::string line = R"(["flood",")" + std::string(1000, 'x') + R"("])";
      for (std::int64_t i = event.arguments.at(1).as_integer().value_or(0); i > 0; --i) {
        socket.emit(line);
      }
    } else if (event.name == "reasons") {
      acknowledge_reasons(socket, event);
    }
  }

  void on_disconnect(Socket&, DisconnectReason reason) override { ++reasons_[reason]; }

  void acknowledge_reasons(Socket& socket, const Event& event) const {
    std::string out = "[{";
    for (const auto& [reason, count] : reasons_) {
      if (out.size() > 2) out += ',';
      out += '"' + std::string(to_string(reason)) + "\":" + std::to_string(count);
    }
    if (event.ack) socket.acknowledge(*event.ack, out + "}]");
  }

  std::map<DisconnectReason, int> reasons_;
};

// --- Both on one port ------------------------------------------------------------------------

class Front final : public net::HttpHandler {
 public:
  Front(net::IoThread& thread, EndpointOptions options)
      : sockets_(thread, options, suite_, fill_random),
        engine_(thread, with_path(options, "/engine.io/"), echo_, fill_random) {}

  net::HeadVerdict on_head(net::HttpExchange exchange, const net::RequestHead& head) override {
    return choose(head).on_head(exchange, head);
  }
  void on_request(net::HttpExchange exchange, net::RequestHead&& head,
                  std::string&& body) override {
    choose(head).on_request(exchange, std::move(head), std::move(body));
  }
  void on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) override {
    choose(head).on_body_too_large(exchange, head);
  }
  void on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) override {
    choose(head).on_upgrade(exchange, std::move(head));
  }
  void on_aborted(net::HttpExchange exchange) override {
    sockets_.on_aborted(exchange);
    engine_.on_aborted(exchange);
  }

  void close_all() {
    sockets_.close_all();
    engine_.close_all();
  }

 private:
  static EndpointOptions with_path(EndpointOptions options, std::string path) {
    options.path = std::move(path);
    return options;
  }
  net::HttpHandler& choose(const net::RequestHead& head) {
    if (head.path().starts_with("/engine.io/")) return engine_;
    return sockets_;
  }

  SuiteApplication suite_;
  EchoApplication echo_;
  endpoint::Endpoint sockets_;
  EngineServer engine_;
};

struct Options {
  std::uint16_t port = 3000;
  unsigned threads = 1;
  std::size_t post_budget = 64 * 1024 * 1024;
  EndpointOptions endpoint;
};

struct Flag {
  const char* name;
  const char* standard;
  const char* help;
  void (*set)(Options&, long);
};

constexpr Flag kFlags[] = {
    {"--port", "3000", "to listen on; 0 lets the system choose",
     [](Options& o, long v) { o.port = static_cast<std::uint16_t>(v); }},
    {"--threads", "1", "I/O threads",
     [](Options& o, long v) { o.threads = static_cast<unsigned>(v); }},
    {"--ping-interval", "300", "ms between heartbeats",
     [](Options& o, long v) { o.endpoint.ping_interval_ms = v; }},
    {"--ping-timeout", "200", "ms after which a silent client is gone",
     [](Options& o, long v) { o.endpoint.ping_timeout_ms = v; }},
    {"--max-payload", "1000000", "bytes of a polling body or a message",
     [](Options& o, long v) {
       o.endpoint.max_payload = static_cast<std::size_t>(v);
       o.endpoint.post_bytes_max = o.endpoint.max_payload;
     }},
    {"--post-bytes", "1000000", "bytes of a polling body once a namespace is joined",
     [](Options& o, long v) { o.endpoint.post_bytes_max = static_cast<std::size_t>(v); }},
    {"--post-budget", "67108864", "bytes of such bodies in all",
     [](Options& o, long v) { o.post_budget = static_cast<std::size_t>(v); }},
    {"--connect-timeout", "1000", "ms in which a namespace must be joined",
     [](Options& o, long v) { o.endpoint.connect_timeout_ms = v; }},
    {"--upgrade-timeout", "10000", "ms in which an upgrade must be done",
     [](Options& o, long v) { o.endpoint.upgrade_timeout_ms = v; }},
    {"--polling-buffer", "1048576", "bytes that wait for a polling client",
     [](Options& o, long v) { o.endpoint.polling_buffer_bytes_max = static_cast<std::size_t>(v); }},
    {"--early-bytes", "8192", "bytes that may come before a namespace is joined",
     [](Options& o, long v) { o.endpoint.early_bytes_max = static_cast<std::size_t>(v); }},
    {"--unjoined-max", "0", "sessions that have joined no namespace; 0: no cap",
     [](Options& o, long v) { o.endpoint.unjoined_sessions_max = static_cast<std::size_t>(v); }},
    {"--assembly-timeout", "10000", "ms in which a binary event must be whole",
     [](Options& o, long v) { o.endpoint.assembly_timeout_ms = v; }},
};

void print_help() {
  std::puts("The server that the protocol suites talk to. conformance_server [FLAG VALUE]...");
  for (const Flag& flag : kFlags) {
    std::printf("  %-19s %s (%s)\n", flag.name, flag.help, flag.standard);
  }
}

bool read_option(const std::string& name, const char* text, Options& options) {
  for (const Flag& flag : kFlags) {
    if (name != flag.name) continue;
    flag.set(options, std::strtol(text, nullptr, 10));
    return true;
  }
  return false;
}

bool read_options(int argc, char** argv, Options& options) {
  options.endpoint.heartbeat_jitter_ms = 0;
  for (const Flag& flag : kFlags) read_option(flag.name, flag.standard, options);
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!read_option(argv[i], argv[i + 1], options)) return false;
  }
  return argc % 2 == 1 && options.threads > 0;
}

int run(Options options) {
  const SystemClock clock;
  SharedBudget post_budget(options.post_budget, options.post_budget);
  options.endpoint.post_budget = &post_budget;
  net::NetOptions net_options;
  net_options.websocket_message_bytes_max = options.endpoint.max_payload;
  auto listening = net::listen_on("", options.port, options.threads);
  if (!listening) {
    std::fprintf(stderr, "%s\n", listening.error().detail.c_str());
    return 1;
  }
  std::vector<std::unique_ptr<net::IoThread>> threads;
  std::vector<std::unique_ptr<Front>> fronts;
  std::vector<net::IoThread*> peers;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.push_back(std::make_unique<net::IoThread>(i, net_options, clock));
    peers.push_back(threads.back().get());
  }
  for (auto& thread : threads) {
    fronts.push_back(std::make_unique<Front>(*thread, options.endpoint));
    thread->set_peers(peers);
    thread->set_handler(*fronts.back());
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    threads[i]->start(listening->descriptors[i], nullptr);
  }
  std::printf("listening on %u\n", static_cast<unsigned>(listening->port));
  std::fflush(stdout);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  for (unsigned i = 0; i < options.threads; ++i) {
    threads[i]->stop_accepting();
    std::promise<void> closed;
    threads[i]->post([&] {
      fronts[i]->close_all();
      closed.set_value();
    });
    closed.get_future().wait();
  }
  for (auto& thread : threads) thread->stop();
  fronts.clear();
  return 0;
}

}  // namespace
}  // namespace maru::conformance

int main(int argc, char** argv) {
  maru::conformance::Options options;
  if (argc == 2 && std::string_view(argv[1]) == "--help") {
    maru::conformance::print_help();
    return 0;
  }
  if (!maru::conformance::read_options(argc, argv, options)) {
    std::fprintf(stderr, "conformance_server: --help names its flags\n");
    return 2;
  }
  // Before any thread starts, so that all of them leave these signals to sigwait().
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return maru::conformance::run(options);
}
