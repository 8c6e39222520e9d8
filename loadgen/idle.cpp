// W1: what an idle connection costs, authenticated and attached to one chat.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

// Answers pings for so long; whatever else comes is read and dropped.
void rest_for(const std::vector<std::unique_ptr<Client>>& clients, double seconds) {
  ClientLoop loop(clients);
  const double end = now_s() + seconds;
  while (now_s() < end) {
    loop.turn(
        [](Client& client, std::size_t) {
          const bool open = client.read_frames([&](std::string_view text) {
            if (text == "2") client.send_text("3");
          });
          if (!open) die("the server closed an idle connection");
        },
        50);
  }
}

double metric(std::uint16_t port, std::string_view name) {
  Rest rest(port);
  const std::string text = "\n" + rest.get("/metrics");
  const std::size_t at = text.find(fmt::format("\n{} ", name));
  if (at == std::string::npos) die("/metrics has no {}", name);
  return std::stod(text.substr(at + name.size() + 2));
}

struct Accounts {
  std::vector<std::string> tokens;
  std::vector<std::string> chats;  // one for each hundred
};

// Everybody is a member from the start, so that what is measured is connecting and attaching, not a
// hundred stored and delivered joins.
Accounts make_accounts(std::uint16_t port, int count) {
  Rest rest(port);
  Accounts accounts;
  std::string members;
  for (int i = 0; i < count; ++i) {
    const std::string user =
        rest.post("/api/users/login", fmt::format(R"({{"userName":"idle {}"}})", i));
    accounts.tokens.push_back(string_field(user, "token"));
    members += fmt::format(R"({}"{}")", members.empty() ? "" : ",", string_field(user, "_id"));
    if (i % 100 != 99 && i + 1 != count) continue;
    const std::string chat =
        rest.post("/api/chats",
                  fmt::format(R"({{"chatName":"idle","isPersonal":false,"users":[{}]}})", members),
                  accounts.tokens.back());
    accounts.chats.push_back(string_field(chat, "_id"));
    members.clear();
  }
  return accounts;
}

}  // namespace

IdleFigures run_idle(const std::string& binary, int connections, double settle_s) {
  IdleFigures figures;
  const ServerProcess server = start_server(binary, {});
  figures.ready_after_s = server.ready_after_s;
  usleep(300'000);
  figures.resident_empty = resident_bytes(server.pid);
  const Accounts accounts = make_accounts(server.port, connections);
  std::vector<std::unique_ptr<Client>> clients;
  const auto connect_up_to = [&](int count) {
    for (auto i = static_cast<int>(clients.size()); i < count; ++i) {
      clients.push_back(connect_client(server.port, accounts.tokens[static_cast<std::size_t>(i)],
                                       accounts.chats[static_cast<std::size_t>(i / 100)]));
    }
    rest_for(clients, 0.5);
  };
  // A first few warm the server's caches and are not counted.
  connect_up_to(connections / 10);
  const std::size_t before = resident_bytes(server.pid);
  const double cpu = cpu_seconds(server.pid);
  connect_up_to(connections);
  const double counted = connections - connections / 10;
  figures.cpu_us_per_connect = (cpu_seconds(server.pid) - cpu) / counted * 1e6;
  rest_for(clients, settle_s);
  const std::size_t after = resident_bytes(server.pid);
  figures.bytes_per_connection =
      (static_cast<double>(after) - static_cast<double>(before)) / counted;
  if (const double open = metric(server.port, "maru_websockets_open"); open != connections) {
    die("{} of {} connections are alive at the end", open, connections);
  }
  clients.clear();
  stop_server(server);
  return figures;
}

}  // namespace loadgen
