#include "app/option_table.hpp"

#include <algorithm>
#include <cstdlib>

#include "base/ascii.hpp"
#include "gateway/identity/origin.hpp"
#include "net/address.hpp"

namespace maru::app {
namespace {

using Refusal = std::optional<std::string>;

template <class T>
std::optional<T> parse_number(const std::string& text, T low, T high) {
  const auto number = parse_decimal<T>(text);
  return number && *number >= low && *number <= high ? number : std::nullopt;
}

template <class T, class Field>
Refusal set_number(Field& field, const std::string& text, T low, T high) {
  const auto number = parse_number<T>(text, low, high);
  if (!number) return "a number from " + std::to_string(low) + " to " + std::to_string(high);
  field = static_cast<Field>(*number);
  return std::nullopt;
}

std::optional<bool> parse_switch(const std::string& text) {
  if (text == "on" || text == "true" || text == "1") return true;
  if (text == "off" || text == "false" || text == "0") return false;
  return std::nullopt;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    std::size_t end = text.find(',', start);
    if (end == std::string::npos) end = text.size();
    std::string part = text.substr(start, end - start);
    part.erase(0, part.find_first_not_of(" \t"));
    part.erase(part.find_last_not_of(" \t") + 1);
    if (!part.empty()) parts.push_back(std::move(part));
    start = end + 1;
  }
  return parts;
}

Refusal set_origins(Config& config, const std::string& text) {
  std::vector<std::string> origins;
  for (const std::string& part : split_list(text)) {
    auto origin = gateway::normalise_origin(part);
    if (!origin) return "a list of origins like https://chat.example.org";
    origins.push_back(std::move(*origin));
  }
  config.gateway.allowed_origins = std::move(origins);
  return std::nullopt;
}

// "10/20": ten a second, twenty at once.
Refusal set_rate(double& rate, double& burst, const std::string& text) {
  const char* const rule = "RATE/BURST, two numbers above 0 like 10/20";
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return rule;
  const auto per_second = parse_number<double>(text.substr(0, slash), 0.001, 1e9);
  const auto at_once = parse_number<double>(text.substr(slash + 1), 1, 1e9);
  if (!per_second || !at_once) return rule;
  rate = *per_second;
  burst = *at_once;
  return std::nullopt;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::pair<std::string_view, int> kUnits[] = {
      {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  int shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    shift = bits;
  }
  const auto number = parse_number<std::uint64_t>(std::string(text), 0, std::uint64_t{1} << 20);
  if (shift != 0) return number ? std::optional(*number << shift) : std::nullopt;
  return parse_number<std::uint64_t>(std::string(text), 0, std::uint64_t{1} << 60);
}

// "" : the default; "5%" of the file system, or bytes; 0: none.
Refusal set_disk_reserve(sqlite::DiskReserve& reserve, const std::string& text) {
  if (text.empty()) {
    reserve = {};
    return std::nullopt;
  }
  if (text.ends_with('%')) {
    const auto percent = parse_number<unsigned>(text.substr(0, text.size() - 1), 0, 90);
    if (!percent) return "a share from 0% to 90%, or a size like 512MiB or 1GiB; 0: none";
    reserve = {std::nullopt, percent};
    return std::nullopt;
  }
  const auto bytes = parse_bytes(text);
  if (!bytes) return "a share like 5%, or a size like 512MiB or 1GiB; 0: none";
  reserve = {bytes, std::nullopt};
  return std::nullopt;
}

// These belong to the cluster mode. Refused rather than ignored: a server that quietly kept its
// messages elsewhere than its owner asked for would lose them for him.
OptionRow backend_row(const std::string& name, const std::string& original,
                      const std::string& what) {
  return {name,
          original,
          "URI",
          "",
          what + "; not in this build yet: refused when set",
          [](Config&, const std::string& text) -> Refusal {
            if (text.empty()) return std::nullopt;
            return "left unset: this backend is not in this build yet";
          },
          ValueKind::kText,
          true};
}

std::vector<OptionRow> listening_rows() {
  return {
      {"port", "PORT", "PORT", "5001", "port to listen on; 0 lets the system choose",
       [](Config& c, const std::string& v) { return set_number<int>(c.port, v, 0, 65535); },
       ValueKind::kNumber},
      {"host", "", "ADDRESS", "", "address to listen on; empty: all",
       [](Config& c, const std::string& v) -> Refusal {
         c.host = v;
         return std::nullopt;
       }},
      {"tls-cert", "", "FILE", "", "certificate chain (PEM); with --tls-key, serves TLS",
       [](Config& c, const std::string& v) -> Refusal {
         c.tls_cert = v;
         return std::nullopt;
       }},
      {"tls-key", "", "FILE", "", "private key (PEM)",
       [](Config& c, const std::string& v) -> Refusal {
         c.tls_key = v;
         return std::nullopt;
       }},
      {"client-url", "CLIENT_URL", "ORIGINS", "",
       "origins of web pages that may use this server, separated by commas",
       [](Config& c, const std::string& v) { return set_origins(c, v); }, ValueKind::kList},
      {"trusted-proxies", "", "LIST", "",
       "addresses or CIDR blocks whose X-Forwarded-* fields are believed",
       [](Config& c, const std::string& v) -> Refusal {
         auto blocks = split_list(v);
         if (!std::ranges::all_of(blocks, net::TrustedProxies::is_block)) {
           return "a list of addresses or CIDR blocks like 10.0.0.0/8,::1";
         }
         c.trusted_proxies = std::move(blocks);
         return std::nullopt;
       },
       ValueKind::kList},
      {"io-threads", "", "N", "0", "I/O threads; 0: one per core",
       [](Config& c, const std::string& v) { return set_number<int>(c.io_threads, v, 0, 64); },
       ValueKind::kNumber},
      {"connections-max", "", "N", "0", "connections in all; 0: from the open-file limit",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.connections_max, v, 0, 100'000'000);
       },
       ValueKind::kNumber},
      {"connections-per-ip", "", "N", "1000",
       "connections of one address (loopback and trusted proxies exempt); 0: no cap",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.connections_per_ip, v, 0, 100'000'000);
       },
       ValueKind::kNumber},
      {"connections-per-user", "", "N", "100", "sockets of one user; 0: no cap",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.gateway.connections_per_user, v, 0, 4'000'000'000);
       },
       ValueKind::kNumber},
      {"answer-bytes", "", "BYTES", "134217728",
       "HTTP answers that clients have not read yet, in all; past it calls wait, then 503",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.budgets.answer_bytes, v, 8'388'608, 1'099'511'627'776);
       },
       ValueKind::kNumber},
      {"answer-bytes-per-user", "", "BYTES", "16777216",
       "the same of one user, or of one address when nobody is known",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.budgets.answer_bytes_per_user, v, 2'097'152, 1'099'511'627'776);
       },
       ValueKind::kNumber},
      {"log-bytes", "", "BYTES", "4194304",
       "log lines that wait for who reads stderr, half for the audit trail; past it they are "
       "dropped and counted",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.budgets.log_bytes, v, 65'536, 1'073'741'824);
       },
       ValueKind::kNumber},
      {"post-bytes", "", "BYTES", "67108864",
       "polling bodies of over 64 KiB being read or waiting, in all; past it 503",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.budgets.post_bytes, v, 1'000'000, 1'099'511'627'776);
       },
       ValueKind::kNumber},
      {"post-bytes-per-address", "", "BYTES", "8388608",
       "the same of one address (loopback and trusted proxies exempt)",
       [](Config& c, const std::string& v) {
         return set_number<long>(c.budgets.post_bytes_per_address, v, 1'000'000, 1'099'511'627'776);
       },
       ValueKind::kNumber},
      {"keep-alive-timeout-ms", "", "MS", "75000",
       "an HTTP connection without a request ends; longer than a proxy keeps it",
       [](Config& c, const std::string& v) {
         return set_number<int>(c.keep_alive_timeout_ms, v, 100, 3'600'000);
       },
       ValueKind::kNumber},
      {"ping-interval-ms", "", "MS", "25000", "heartbeat of Engine.IO",
       [](Config& c, const std::string& v) {
         return set_number<int>(c.ping_interval_ms, v, 100, 300'000);
       },
       ValueKind::kNumber},
      {"ping-timeout-ms", "", "MS", "20000", "a client that does not answer by then is gone",
       [](Config& c, const std::string& v) {
         return set_number<int>(c.ping_timeout_ms, v, 100, 300'000);
       },
       ValueKind::kNumber},
  };
}

std::vector<OptionRow> service_rows() {
  return {
      {"data-dir", "", "DIR", "./maru-data", "where the messages are kept",
       [](Config& c, const std::string& v) -> Refusal {
         if (v.empty()) return "a directory";
         c.data_dir = v;
         return std::nullopt;
       }},
      {"disk-reserve", "", "SIZE", "",
       "free space below which guests, and below half of it everybody, can write nothing: 5%, 1GiB;"
       " 0: none; default: the smaller of 5% and 1GiB",
       [](Config& c, const std::string& v) { return set_disk_reserve(c.disk_reserve, v); }},
      {"auth", "", "MODE", "accounts",
       "accounts: sessions prove who one is; open: the nickname does (demos, trusted networks)",
       [](Config& c, const std::string& v) -> Refusal {
         if (v != "accounts" && v != "open") return "accounts or open";
         c.gateway.auth = v == "open" ? gateway::AuthMode::kOpen : gateway::AuthMode::kAccounts;
         return std::nullopt;
       }},
      {"recovery", "", "on|off", "",
       "Socket.IO connection state recovery; default: on with --auth open, else off",
       [](Config& c, const std::string& v) -> Refusal {
         const auto on = parse_switch(v);
         if (!on) return "on or off";
         c.recovery = on;
         return std::nullopt;
       }},
      {"metrics-token-file", "", "FILE", "",
       "holds the bearer token that opens /metrics to other machines, 16 characters or more",
       [](Config& c, const std::string& v) -> Refusal {
         c.metrics_token_file = v;
         return std::nullopt;
       }},
      {"rate-limits", "", "on|off", "on",
       "all rate limits and caps per address and user; off for benchmarks only",
       [](Config& c, const std::string& v) -> Refusal {
         const auto on = parse_switch(v);
         if (!on) return "on or off";
         c.gateway.rate_limits = *on;
         return std::nullopt;
       }},
      {"log-format", "", "text|json", "", "default: text on a terminal, else json",
       [](Config& c, const std::string& v) -> Refusal {
         if (v != "text" && v != "json") return "text or json";
         c.log_format = v == "text" ? log::Format::kText : log::Format::kJson;
         return std::nullopt;
       }},
      {"log-level", "", "LEVEL", "info", "debug, info, warn or error",
       [](Config& c, const std::string& v) -> Refusal {
         static const char* const kNames[] = {"debug", "info", "warn", "error"};
         for (int i = 0; i < 4; ++i) {
           if (v != kNames[i]) continue;
           c.log_level = static_cast<log::Level>(i);
           return std::nullopt;
         }
         return "debug, info, warn or error";
       }},
  };
}

std::vector<OptionRow> rate_rows() {
  return {
      {"rate-user-messages", "", "RATE/BURST", "10/20", "messages a second of one user",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.messages_per_user, c.gateway.messages_per_user_burst, v);
       }},
      {"rate-room-messages", "", "RATE/BURST", "50/100", "messages a second in one chat",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.messages_per_room, c.gateway.messages_per_room_burst, v);
       }},
      {"rate-connection-events", "", "RATE/BURST", "30/60", "events a second of one connection",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.events_per_connection, c.gateway.events_per_connection_burst, v);
       }},
      {"rate-user-joins", "", "RATE/BURST", "5/20", "joins a second of one user",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.joins_per_user, c.gateway.joins_per_user_burst, v);
       }},
      {"rate-user-history", "", "RATE/BURST", "10/50",
       "history pages, sync and watches of presence a second of one user",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.history_per_user, c.gateway.history_per_user_burst, v);
       }},
      {"rate-user-reads", "", "RATE/BURST", "100/1000",
       "lists, search, history and watches of presence of one user, in hundreds of rows a second",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.reads_per_user, c.gateway.reads_per_user_burst, v);
       }},
      {"rate-ip-reads", "", "RATE/BURST", "1000/10000",
       "the same from one address, of those who have not logged in",
       [](Config& c, const std::string& v) {
         return set_rate(c.gateway.reads_per_ip, c.gateway.reads_per_ip_burst, v);
       }},
      {"rate-ip-logins", "", "N", "10", "logins a minute from one address",
       [](Config& c, const std::string& v) {
         return set_number<int>(c.gateway.logins_per_ip_minute, v, 1, 1'000'000);
       },
       ValueKind::kNumber},
      {"rate-ip-registers", "", "N", "10", "registrations a minute from one address",
       [](Config& c, const std::string& v) {
         return set_number<int>(c.gateway.registers_per_ip_minute, v, 1, 1'000'000);
       },
       ValueKind::kNumber},
  };
}

std::vector<OptionRow> quota_rows() {
  const auto row = [](const char* name, const char* standard, const char* help,
                      std::uint32_t chat::Quotas::* field) {
    return OptionRow{name,
                     "",
                     "N",
                     standard,
                     help,
                     [field](Config& c, const std::string& v) {
                       return set_number<std::uint32_t>(c.quotas.*field, v, 0, 1'000'000);
                     },
                     ValueKind::kNumber};
  };
  return {
      row("strangers-added-per-user", "200",
          "people with whom an account shares no chat, whom it may put into chats in a day",
          &chat::Quotas::strangers_per_account),
      row("strangers-added-per-guest", "100", "the same of a guest",
          &chat::Quotas::strangers_per_guest),
      row("added-by-strangers", "50",
          "groups into which strangers may put one user in a day; as many 1:1s",
          &chat::Quotas::added_by_strangers),
  };
}

std::vector<OptionRow> make_rows() {
  std::vector<OptionRow> rows = listening_rows();
  for (auto& row : service_rows()) rows.push_back(std::move(row));
  for (auto& row : rate_rows()) rows.push_back(std::move(row));
  for (auto& row : quota_rows()) rows.push_back(std::move(row));
  rows.push_back(backend_row("mongo-uri", "MONGO_URI", "MongoDB as the store"));
  rows.push_back(backend_row("redis-url", "REDIS_URL", "Redis between nodes"));
  rows.push_back(backend_row("rabbitmq-url", "RABBITMQ_URL", "RabbitMQ as the command log"));
  return rows;
}

}  // namespace

const std::vector<OptionRow>& option_rows() {
  static const std::vector<OptionRow> rows = make_rows();
  return rows;
}

std::string variable_of(std::string_view option_name) {
  std::string variable = "MARU_";
  for (const char c : option_name) {
    variable += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  }
  return variable;
}

}  // namespace maru::app
