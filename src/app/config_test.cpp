#include "app/config.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "app/option_table.hpp"

namespace maru::app {
namespace {

struct World {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
  std::string unreadable;  // a path

  Result<Config> load(const std::vector<std::string>& arguments) {
    const auto read_file = [this](const std::string& path) -> Result<std::optional<std::string>> {
      if (path == unreadable) return fail(ErrorCode::kValidationFailed, path + ": unreadable");
      const auto it = files.find(path);
      return it == files.end() ? std::nullopt : std::optional(it->second);
    };
    const Environment environment{[this](const std::string& name) -> std::optional<std::string> {
                                    const auto it = variables.find(name);
                                    return it == variables.end() ? std::nullopt
                                                                 : std::optional(it->second);
                                  },
                                  read_file, read_file};
    return load_config(arguments, environment);
  }
};

TEST(Config, HasTheDefaultsOfTheContract) {
  const auto config = World().load({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->verb, Verb::kServe);
  EXPECT_EQ(config->port, 5001);
  EXPECT_EQ(config->host, "");
  EXPECT_EQ(config->data_dir, "./maru-data");
  EXPECT_EQ(config->gateway.auth, gateway::AuthMode::kAccounts);
  EXPECT_FALSE(config->gateway.recovery_default);
  EXPECT_TRUE(config->gateway.rate_limits);
}

TEST(Config, TakesTheNearestLayer) {
  World world;
  world.files["c.toml"] = "port = 1006\nauth = \"open\"\n";
  world.files[".env"] = "PORT=1005\n";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1005);
  world.files[".env"] = "PORT = \"1004\" # quoted\nMARU_PORT=1000\nMARU_AUTH=accounts\n";
  const auto with_dotenv = world.load({"--config", "c.toml"});
  EXPECT_EQ(with_dotenv->port, 1004) << "in .env only the original's names count";
  EXPECT_EQ(with_dotenv->gateway.auth, gateway::AuthMode::kOpen);
  EXPECT_EQ(with_dotenv->ignored_in_dotenv, (std::vector<std::string>{"MARU_PORT", "MARU_AUTH"}));
  EXPECT_EQ(with_dotenv->sources.at("port").source, "PORT in .env");
  world.variables["PORT"] = "1003";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1003);
  world.variables["MARU_PORT"] = "1002";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1002);
  const auto config = world.load({"--config", "c.toml", "--port", "1001"});
  EXPECT_EQ(config->port, 1001);
  EXPECT_EQ(config->gateway.auth, gateway::AuthMode::kOpen);
  EXPECT_TRUE(config->gateway.recovery_default) << "open mode turns recovery on";
  EXPECT_EQ(config->sources.at("auth").source, "'auth' in c.toml");
  EXPECT_EQ(config->sources.at("auth").value, "open");
}

TEST(Config, NamesTheOptionAndTheValueItRefuses) {
  struct Case {
    std::vector<std::string> arguments;
    const char* named;
  };
  const std::vector<Case> cases = {
      {{"--port", "70000"}, "--port: '70000'"},
      {{"--port", "http"}, "--port: 'http'"},
      {{"--port", "-1"}, "--port"},
      {{"--auth", "none"}, "accounts or open"},
      {{"--rate-limits", "maybe"}, "on or off"},
      {{"--log-format", "xml"}, "text or json"},
      {{"--client-url", "example.org"}, "--client-url"},
      {{"--client-url", "https://a.example/path"}, "--client-url"},
      {{"--client-url", "*"}, "--client-url"},
      {{"--client-url", "null"}, "--client-url"},
      {{"--client-url", "file://"}, "--client-url"},
      {{"--trusted-proxies", "10.0.0.1,proxy.example"}, "--trusted-proxies"},
      {{"--trusted-proxies", "10.0.0.0/33"}, "CIDR"},
      {{"--rate-user-messages", "10"}, "RATE/BURST"},
      {{"--rate-user-messages", "5/nan"}, "RATE/BURST"},
      {{"--rate-user-messages", "inf/5"}, "RATE/BURST"},
      {{"--tls-cert", "a.pem"}, "--tls-key"},
      {{"--config", "absent.toml"}, "absent.toml"},
      {{"--colour", "red"}, "--colour"},
      {{"dance"}, "dance"},
      {{"--data-dir", ""}, "--data-dir"},
      {{"--data-dir="}, "--data-dir"},
      {{"--port=", "serve"}, "--port: ''"},
      {{"--config", ""}, "--config"},
  };
  for (const Case& c : cases) {
    const auto config = World().load(c.arguments);
    ASSERT_FALSE(config) << c.named;
    EXPECT_NE(config.error().detail.find(c.named), std::string::npos) << config.error().detail;
  }
}

TEST(Config, RefusesBackendsThatAreNotInThisBuild) {
  for (const char* name : {"MONGO_URI", "REDIS_URL", "RABBITMQ_URL"}) {
    World world;
    world.variables[name] = "scheme://somewhere";
    const auto config = world.load({});
    ASSERT_FALSE(config) << name;
    EXPECT_NE(config.error().detail.find(name), std::string::npos);
    EXPECT_NE(config.error().detail.find("not in this build yet"), std::string::npos);
    world.variables[name] = "";
    EXPECT_TRUE(world.load({})) << "an empty variable is as good as none";
  }
}

TEST(Config, NeverShowsABackendsAddress) {
  for (const char* name : {"MONGO_URI", "MARU_REDIS_URL", "RABBITMQ_URL"}) {
    World world;
    world.variables[name] = "scheme://chat:s3cr3t@host";
    const std::string detail = world.load({}).error().detail;
    EXPECT_NE(detail.find(name), std::string::npos) << detail;
    EXPECT_EQ(detail.find("s3cr3t"), std::string::npos) << detail;
  }
  const std::string detail = World().load({"--mongo-uri", "mongodb://u:s3cr3t@h"}).error().detail;
  EXPECT_NE(detail.find("--mongo-uri"), std::string::npos) << detail;
  EXPECT_EQ(detail.find("s3cr3t"), std::string::npos) << detail;
  World world;
  world.files["c.toml"] = "rabbitmq-url = \"amqp://u:s3cr3t@h\"\n";
  EXPECT_EQ(world.load({"--config", "c.toml"}).error().detail.find("s3cr3t"), std::string::npos);
}

TEST(Config, AnEmptyVariableHidesNothing) {
  World world;
  world.variables = {{"MARU_PORT", ""}, {"PORT", "1003"}};
  EXPECT_EQ(world.load({})->port, 1003);
  world.variables["PORT"] = "";
  EXPECT_EQ(world.load({})->port, 5001);
  world.files[".env"] = "MARU_PORT=\nPORT=1005\n";
  EXPECT_EQ(world.load({})->port, 1005);
  world.files[".env"] = "";
  world.variables["MARU_CONFIG"] = "c.toml";
  world.files["c.toml"] = "port = 1006\n";
  EXPECT_EQ(world.load({})->port, 1006);
  world.variables["MARU_CONFIG"] = "";
  EXPECT_EQ(world.load({})->port, 5001) << "the same for the file's own name";
  world.variables["MONGO_URI"] = "";
  world.files[".env"] = "MONGO_URI=mongodb://h\n";
  EXPECT_FALSE(world.load({})) << "what a lower layer asks for is still refused";
}

TEST(Config, AnEmptyArgumentTakesNoOtherOne) {
  const auto config = World().load({"--host=", "--port", "1001"});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->host, "");
  EXPECT_EQ(config->port, 1001);
  World world;
  world.variables["MARU_HOST"] = "127.0.0.1";
  EXPECT_EQ(world.load({"--host="})->host, "") << "an empty argument was meant";
}

TEST(Config, RefusesAFileThatIsThereButCannotBeRead) {
  World world;
  world.unreadable = ".env";
  EXPECT_EQ(world.load({}).error().detail, ".env: unreadable");
  world.unreadable = "c.toml";
  EXPECT_EQ(world.load({"--config", "c.toml"}).error().detail, "--config: c.toml: unreadable");
  EXPECT_TRUE(world.load({"version"})) << "needs no configuration";
}

TEST(Config, RefusesAnUnknownKeyOfTheFile) {
  World world;
  world.files["c.toml"] = "prot = 1\n";
  const auto config = world.load({"--config", "c.toml"});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail.find("prot"), std::string::npos);
}

TEST(Config, NormalisesOrigins) {
  const auto config = World().load(
      {"--client-url", "HTTPS://Chat.Example:443/, http://localhost:3000,capacitor://localhost"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->gateway.allowed_origins,
            (std::vector<std::string>{"https://chat.example", "http://localhost:3000",
                                      "capacitor://localhost"}));
}

TEST(Config, KnowsItsVerbs) {
  EXPECT_EQ(World().load({"version"})->verb, Verb::kVersion);
  EXPECT_EQ(World().load({"--version"})->verb, Verb::kVersion);
  EXPECT_EQ(World().load({"check", "--data-dir", "d"})->verb, Verb::kCheck);
  EXPECT_EQ(World().load({"serve", "--port", "0"})->port, 0);
  EXPECT_EQ(World().load({"new-epoch", "--data-dir", "d"})->verb, Verb::kNewEpoch);
  EXPECT_EQ(World().load({"config"})->verb, Verb::kConfig);
}

TEST(Config, HelpListsEveryOptionAfterAnyVerb) {
  const auto help = World().load({"--help"});
  EXPECT_EQ(help->verb, Verb::kHelp);
  for (const OptionRow& row : option_rows()) {
    EXPECT_NE(help->help_text.find("--" + row.name), std::string::npos) << row.name;
    EXPECT_NE(help->help_text.find(variable_of(row.name)), std::string::npos) << row.name;
  }
  for (const char* verb : {"serve", "check", "new-epoch"}) {
    const auto after_verb = World().load({verb, "--help"});
    EXPECT_EQ(after_verb->verb, Verb::kHelp);
    EXPECT_EQ(after_verb->help_text, help->help_text);
  }
}

// Every value that an option sets.
auto values_of(const Config& c) {
  const gateway::GatewayOptions& g = c.gateway;
  const auto listening =
      std::tuple(c.port, c.host, c.tls_cert, c.tls_key, g.allowed_origins, c.trusted_proxies,
                 c.io_threads, c.connections_max, c.connections_per_ip, g.connections_per_user,
                 c.budgets.answer_bytes, c.budgets.answer_bytes_per_user, c.budgets.log_bytes,
                 c.budgets.post_bytes, c.budgets.post_bytes_per_address, c.keep_alive_timeout_ms,
                 c.ping_interval_ms, c.ping_timeout_ms);
  const auto service =
      std::tuple(c.data_dir, c.disk_reserve.bytes, c.disk_reserve.percent, g.auth, c.recovery,
                 c.metrics_token_file, g.rate_limits, c.log_format, c.log_level);
  const auto rates =
      std::tuple(g.messages_per_user, g.messages_per_user_burst, g.messages_per_room,
                 g.messages_per_room_burst, g.events_per_connection, g.events_per_connection_burst,
                 g.joins_per_user, g.joins_per_user_burst, g.history_per_user,
                 g.history_per_user_burst, g.reads_per_user, g.reads_per_user_burst, g.reads_per_ip,
                 g.reads_per_ip_burst, g.logins_per_ip_minute, g.registers_per_ip_minute);
  const auto quotas = std::tuple(c.quotas.strangers_per_account, c.quotas.strangers_per_guest,
                                 c.quotas.added_by_strangers);
  return std::tuple(listening, service, rates, quotas);
}

TEST(Config, TheSampleFileHoldsEveryDefault) {
  std::string all;
  std::istringstream lines(sample_config());
  std::size_t keys = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#') || line.starts_with("# ")) continue;
    all += line.substr(1) + "\n";
    ++keys;
  }
  EXPECT_EQ(keys, option_rows().size());
  World world;
  world.files["c.toml"] = all;
  const auto config = world.load({"--config", "c.toml"});
  ASSERT_TRUE(config) << config.error().detail;
  const auto untouched = World().load({});
  EXPECT_TRUE(values_of(*config) == values_of(*untouched)) << "a default text is another default";
}

TEST(Config, TheSampleFileOfTheDocumentsIsThePrograms) {
  std::ifstream file(MARU_SAMPLE_CONFIG);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, sample_config()) << "run: maru config > docs/operations/maru.toml";
}

}  // namespace
}  // namespace maru::app
