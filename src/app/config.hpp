// What the program can be told, from where, and what each value may be. One table of options makes
// --help, the sample configuration file and the checks.
//
// Precedence: option, MARU_<NAME>, the original program's name (PORT, CLIENT_URL, MONGO_URI, …),
// that name in `.env` of the working directory, configuration file (TOML), default. `.env` lies
// where the original's users have it, and where others may put one: it counts for the original's
// names alone, and only if nobody else may have written it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/budgets.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "chat/quotas.hpp"
#include "gateway/options.hpp"
#include "storage/sqlite/disk_space.hpp"

namespace maru::app {

enum class Verb : std::uint8_t { kServe, kCheck, kNewEpoch, kConfig, kVersion, kHelp };

struct Config {
  Verb verb = Verb::kServe;

  std::string host;  // empty: all addresses
  std::uint16_t port = 5001;
  std::string data_dir = "./maru-data";
  unsigned io_threads = 0;  // 0: one per core
  std::string tls_cert;
  std::string tls_key;
  std::vector<std::string> trusted_proxies;
  std::string metrics_token_file;
  std::size_t connections_max = 0;  // 0: from the open-file limit
  std::size_t connections_per_ip = 1000;
  std::int64_t keep_alive_timeout_ms = 75'000;
  std::int64_t ping_interval_ms = 25'000;
  std::int64_t ping_timeout_ms = 20'000;
  log::Level log_level = log::Level::kInfo;
  std::optional<log::Format> log_format;  // nothing: text on a terminal, JSON otherwise
  std::optional<bool> recovery;           // nothing: on with --auth open, off with accounts
  BudgetLimits budgets;
  chat::Quotas quotas;
  sqlite::DiskReserve disk_reserve;
  gateway::GatewayOptions gateway;

  struct Setting {
    std::string value;   // a secret's is masked
    std::string source;  // "--port", "MARU_PORT", …
  };
  // Every value that is not a default, by option name.
  std::map<std::string, Setting> sources;
  std::vector<std::string> ignored_in_dotenv;  // MARU_ variables there
  std::string help_text;                       // kHelp only
};

// What surrounds the program; a parameter so that tests need no real environment.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // Nothing if there is no such file; an error, which names it, if it cannot be read
  // (small_file.hpp).
  std::function<Result<std::optional<std::string>>(const std::string& path)> read_file;
  // The same for `.env`; an error also if another user may have written it.
  std::function<Result<std::optional<std::string>>(const std::string& path)> read_own_file;
};
Environment process_environment();

// An error's detail is one sentence that names the option or variable and the value it refused, but
// never the value of a secret one.
Result<Config> load_config(const std::vector<std::string>& arguments,
                           const Environment& environment);

// Every option as a commented TOML file: `maru config`.
std::string sample_config();

}  // namespace maru::app
