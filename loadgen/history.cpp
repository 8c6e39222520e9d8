// W5: pages of history through REST.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <random>
#include <thread>
#include <vector>

#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/rooms.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

constexpr std::uint64_t kLimit = 50;

struct Chat {
  std::string id;
  std::string token;
  std::uint64_t head = 0;
};

std::uint64_t number_field(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) die("an answer without {}: {}", name, head);
  return std::stoull(std::string(head.substr(at + name.size(), 20)));
}

std::vector<Chat> find_chats(std::uint16_t port, const std::string& store) {
  Rest rest(port);
  std::vector<Chat> chats;
  for (const Room& room : find_rooms(port, store)) {
    Chat chat{room.chat, room.tokens.front()};
    const auto& [head, body] =
        rest.get_with_head(fmt::format("/api/messages/{}?limit=1", chat.id), chat.token);
    chat.head = number_field(head, "X-Last-Sequence: ");
    chats.push_back(std::move(chat));
  }
  return chats;
}

// One who asks for a page as soon as the last one has come.
class Asker {
 public:
  Asker(std::uint16_t port, const std::vector<Chat>& chats, Pages pages)
      : rest_(port), chats_(chats), pages_(pages) {}

  void ask() {
    const Chat& chat = chats_[random_() % chats_.size()];
    std::string path = fmt::format("/api/messages/{}?limit={}", chat.id, kLimit);
    std::uint64_t last = chat.head;
    if (pages_ == Pages::kAnywhere) {
      last = random_() % chat.head + 1;
      path += fmt::format("&before={}", last + 1);
    }
    const double begun = now_s();
    const auto& [head, body] = rest_.get_with_head(path, chat.token);
    took_ms_.push_back((now_s() - begun) * 1e3);
    const std::uint64_t first = last - std::min(last, kLimit) + 1;
    if (number_field(head, "X-First-Sequence: ") != first ||
        number_field(head, "X-Last-Sequence: ") != last || !body.ends_with("}]")) {
      die("{} gave another page: {}", path, head);
    }
  }
  std::vector<double>& took_ms() { return took_ms_; }

 private:
  Rest rest_;
  const std::vector<Chat>& chats_;
  const Pages pages_;
  std::mt19937_64 random_{std::random_device{}()};
  std::vector<double> took_ms_;
};

// How long each page took that was asked for in that time.
std::vector<double> ask_for(std::deque<Asker>& askers, double seconds) {
  const double end = now_s() + seconds;
  {
    std::vector<std::jthread> threads;
    for (Asker& asker : askers) {
      threads.emplace_back([&asker, end] {
        while (now_s() < end) asker.ask();
      });
    }
  }
  std::vector<double> all;
  for (Asker& asker : askers) {
    std::ranges::copy(asker.took_ms(), std::back_inserter(all));
    asker.took_ms().clear();
  }
  return all;
}

}  // namespace

HistoryFigures run_history(const std::string& binary, const std::string& store, Pages pages,
                           int askers, double warm_up_s, double seconds) {
  const ServerProcess server = start_server(binary, {"--auth", "open"}, Cores::kOne, store);
  pin_to_core(kLoadCore);
  HistoryFigures figures;
  {
    const std::vector<Chat> chats = find_chats(server.port, store);
    std::deque<Asker> all;
    for (int i = 0; i < askers; ++i) all.emplace_back(server.port, chats, pages);
    (void)ask_for(all, warm_up_s);
    const double cpu = cpu_seconds(server.pid);
    const double begun = now_s();
    std::vector<double> took_ms = ask_for(all, seconds);
    const double took = now_s() - begun;
    figures.server_busy = (cpu_seconds(server.pid) - cpu) / took;
    figures.pages_per_s = static_cast<double>(took_ms.size()) / took;
    figures.took = latencies_of(std::move(took_ms));
  }
  stop_server(server);
  return figures;
}

}  // namespace loadgen
