// W1: what an idle connection costs, authenticated and attached to one chat.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {

IdleFigures run_idle(const std::string& binary, int connections) {
  IdleFigures figures;
  const ServerProcess server = start_server(binary, {});
  figures.ready_after_s = server.ready_after_s;
  usleep(300'000);
  figures.resident_empty = resident_bytes(server.pid);
  std::vector<std::unique_ptr<Client>> clients;
  Rest rest(server.port);
  std::vector<std::string> tokens;
  std::vector<std::string> chats;
  // Everybody is a member from the start, so that what is measured is connecting and attaching, not
  // a hundred stored and delivered joins.
  std::string members;
  for (int i = 0; i < connections; ++i) {
    const std::string user =
        rest.post("/api/users/login", fmt::format(R"({{"userName":"idle {}"}})", i));
    tokens.push_back(string_field(user, "token"));
    members += fmt::format(R"({}"{}")", members.empty() ? "" : ",", string_field(user, "_id"));
    if (i % 100 != 99 && i + 1 != connections) continue;
    chats.push_back(string_field(
        rest.post("/api/chats",
                  fmt::format(R"({{"chatName":"idle","isPersonal":false,"users":[{}]}})", members),
                  tokens.back()),
        "_id"));
    members.clear();
  }
  // A first few warm the server's caches and are not counted.
  for (int i = 0; i < connections / 10; ++i) {
    clients.push_back(connect_client(server.port, tokens[static_cast<std::size_t>(i)],
                                     chats[static_cast<std::size_t>(i / 100)]));
  }
  usleep(500'000);
  const std::size_t before = resident_bytes(server.pid);
  const double cpu = cpu_seconds(server.pid);
  for (int i = connections / 10; i < connections; ++i) {
    clients.push_back(connect_client(server.port, tokens[static_cast<std::size_t>(i)],
                                     chats[static_cast<std::size_t>(i / 100)]));
  }
  usleep(500'000);
  const double counted = connections - connections / 10;
  figures.cpu_us_per_connect = (cpu_seconds(server.pid) - cpu) / counted * 1e6;
  figures.bytes_per_connection =
      (static_cast<double>(resident_bytes(server.pid)) - static_cast<double>(before)) / counted;
  clients.clear();
  stop_server(server);
  return figures;
}

}  // namespace loadgen
