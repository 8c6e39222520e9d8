#include "app/start_warnings.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "net/address.hpp"

namespace maru::app {
namespace {

bool is_open_to(const std::string& path, mode_t others) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & others) != 0;
}

// Addresses far apart that are kept for documentation (RFC 5737, RFC 3849, RFC 9637): who trusts
// them all trusts anybody.
bool trusts_anybody(const std::vector<std::string>& blocks) {
  const net::TrustedProxies trusted(blocks);
  const auto trusts = [&](const char* text) {
    const auto address = net::Address::parse(text);
    return address && trusted.contains(*address);
  };
  return (trusts("192.0.2.1") && trusts("198.51.100.1") && trusts("203.0.113.1")) ||
         (trusts("2001:db8::1") && trusts("3fff::1"));
}

void warn_of_open_mode(const Config& config) {
  if (config.gateway.auth == gateway::AuthMode::kOpen) {
    log::warn("open_mode", {{"meaning",
                             "--auth open: the nickname is the identity; 1:1 chats are "
                             "not private; for demos and trusted networks only"}});
  }
  if (config.tls_cert.empty() && config.trusted_proxies.empty()) {
    log::warn("no_tls", {{"meaning",
                          "the session cookie is not Secure; set --tls-cert and "
                          "--tls-key, or --trusted-proxies behind a TLS proxy"}});
  }
}

}  // namespace

void warn_of_risks(const Config& config) {
  warn_of_open_mode(config);
  if (::geteuid() == 0) {
    log::warn("runs_as_root", {{"meaning", "it needs no rights; give it a user of its own"}});
  }
  if (is_open_to(config.data_dir, S_IRWXG | S_IRWXO)) {
    log::warn("data_dir_open_to_others",
              {{"path", config.data_dir}, {"meaning", "others may read the chats; chmod 700"}});
  }
  // Distributions give a group of its own the keys; that is nobody else.
  if (!config.tls_key.empty() && is_open_to(config.tls_key, S_IRWXO)) {
    log::warn("tls_key_open_to_others",
              {{"path", config.tls_key}, {"meaning", "others may pose as this server; chmod 600"}});
  }
  if (trusts_anybody(config.trusted_proxies)) {
    log::warn("trusts_any_proxy", {{"meaning",
                                    "--trusted-proxies holds every address: anybody may "
                                    "claim any client's address"}});
  }
}

void log_settings(const Config& config) {
  for (const auto& [option, setting] : config.sources) {
    log::info("setting", {{"option", option}, {"value", setting.value}, {"from", setting.source}});
  }
  for (const std::string& name : config.ignored_in_dotenv) {
    log::warn("dotenv_ignored", {{"name", name},
                                 {"meaning",
                                  "in .env only the names of the original program count; set it "
                                  "in the environment"}});
  }
}

}  // namespace maru::app
