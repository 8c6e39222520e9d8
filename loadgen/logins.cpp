// Row 6 of the security checklist: chat while passwords are being checked without a pause.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "loadgen/client.hpp"
#include "loadgen/die.hpp"
#include "loadgen/process.hpp"
#include "loadgen/rest.hpp"
#include "loadgen/scenarios.hpp"

namespace loadgen {
namespace {

constexpr int kSenders = 10;
constexpr double kSendsPerSecond = 300;
constexpr std::string_view kAccount = R"({"userName":"flooded","password":"a long password 1"})";

// Logs in again and again, each thread on a connection of its own.
class Flood {
 public:
  Flood(std::uint16_t port, int threads) {
    Rest(port).post("/api/users/register", kAccount);
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, port] {
        Rest rest(port);
        while (!stopping_) {
          rest.post("/api/users/login", kAccount);
          ++logins_;
        }
      });
    }
  }
  ~Flood() {
    stopping_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  Flood(const Flood&) = delete;
  Flood& operator=(const Flood&) = delete;
  [[nodiscard]] int logins() const { return logins_; }

 private:
  std::atomic<bool> stopping_{false};
  std::atomic<int> logins_{0};
  std::vector<std::thread> threads_;
};

struct Chat {
  std::string id;
  std::vector<std::unique_ptr<Client>> clients;
};

Chat open_chat(std::uint16_t port) {
  Rest rest(port);
  Chat chat;
  for (int i = 0; i < kSenders; ++i) {
    const std::string token = string_field(
        rest.post("/api/users/login", fmt::format(R"({{"userName":"sender {}"}})", i)), "token");
    if (i == 0) {
      chat.id = string_field(
          rest.post("/api/chats", R"({"chatName":"load","isPersonal":false,"users":[]})", token),
          "_id");
    }
    chat.clients.push_back(connect_client(port, token, chat.id));
  }
  return chat;
}

// From each send to its ack, in ms. Sends keep their pace whatever the acks do.
std::vector<double> send_for(const Chat& chat, double seconds) {
  ClientLoop loop(chat.clients);
  std::vector<double> sent_at;
  std::vector<double> took_ms;
  const double begun = now_s();
  const auto total = static_cast<std::size_t>(seconds * kSendsPerSecond);
  while (took_ms.size() < total) {
    const double now = now_s();
    if (now > begun + seconds + 30) die("{} sends have no ack", total - took_ms.size());
    while (sent_at.size() < total &&
           begun + static_cast<double>(sent_at.size()) / kSendsPerSecond <= now) {
      // The ack's number says which it was; below 1000 connect_client() has used one.
      const std::size_t number = 1000 + sent_at.size();
      chat.clients[sent_at.size() % kSenders]->send_text(
          fmt::format(R"(42{}["sendMessage",{{"chatId":"{}","content":"hi"}}])", number, chat.id));
      sent_at.push_back(now_s());
    }
    loop.turn(
        [&](Client& client, std::size_t) {
          const bool open = client.read_frames([&](std::string_view text) {
            if (text == "2") client.send_text("3");
            if (!text.starts_with("43")) return;
            if (text.find(R"("ok":true)") == text.npos) die("{}", text);
            const std::size_t number = std::stoul(std::string(text.substr(2, text.find('[') - 2)));
            took_ms.push_back((now_s() - sent_at.at(number - 1000)) * 1e3);
          });
          if (!open) die("the server closed a connection");
        },
        1);
  }
  return took_ms;
}

}  // namespace

LoginFigures run_logins(const std::string& binary, int flooders, double seconds) {
  const ServerProcess server = start_server(binary, {}, Cores::kAll);
  LoginFigures figures;
  {
    const Chat chat = open_chat(server.port);
    send_for(chat, 0.5);
    const Flood flood(server.port, flooders);
    const int before = flood.logins();
    const double begun = now_s();
    std::vector<double> took_ms = send_for(chat, seconds);
    figures.logins_per_s = (flood.logins() - before) / (now_s() - begun);
    std::sort(took_ms.begin(), took_ms.end());
    figures.p99_ms = took_ms[took_ms.size() * 99 / 100];
  }
  stop_server(server);
  return figures;
}

}  // namespace loadgen
