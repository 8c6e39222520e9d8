#include "app/config.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "app/option_table.hpp"

namespace maru::app {
namespace {

struct World {
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;

  Result<Config> load(const std::vector<std::string>& arguments) {
    const Environment environment{
        [this](const std::string& name) -> std::optional<std::string> {
          const auto it = variables.find(name);
          return it == variables.end() ? std::nullopt : std::optional(it->second);
        },
        [this](const std::string& path) -> std::optional<std::string> {
          const auto it = files.find(path);
          return it == files.end() ? std::nullopt : std::optional(it->second);
        }};
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
  world.files[".env"] = "PORT=1005\nMARU_PORT = \"1004\" # nearer\n";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1004);
  world.variables["PORT"] = "1003";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1003);
  world.variables["MARU_PORT"] = "1002";
  EXPECT_EQ(world.load({"--config", "c.toml"})->port, 1002);
  const auto config = world.load({"--config", "c.toml", "--port", "1001"});
  EXPECT_EQ(config->port, 1001);
  EXPECT_EQ(config->gateway.auth, gateway::AuthMode::kOpen);
  EXPECT_TRUE(config->gateway.recovery_default) << "open mode turns recovery on";
  EXPECT_EQ(config->sources.at("auth"), "'auth' in c.toml");
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
      {{"--trusted-proxies", "10.0.0.1,proxy.example"}, "--trusted-proxies"},
      {{"--trusted-proxies", "10.0.0.0/33"}, "CIDR"},
      {{"--rate-user-messages", "10"}, "RATE/BURST"},
      {{"--tls-cert", "a.pem"}, "--tls-key"},
      {{"--config", "absent.toml"}, "absent.toml"},
      {{"--colour", "red"}, "--colour"},
      {{"dance"}, "dance"},
      {{"--data-dir", ""}, "--data-dir"},
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

TEST(Config, RefusesAnUnknownKeyOfTheFile) {
  World world;
  world.files["c.toml"] = "prot = 1\n";
  const auto config = world.load({"--config", "c.toml"});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().detail.find("prot"), std::string::npos);
  world.files["c.toml"] = std::string(70'000, '#');
  EXPECT_FALSE(world.load({"--config", "c.toml"}));
}

TEST(Config, NormalisesOrigins) {
  const auto config =
      World().load({"--client-url", "HTTPS://Chat.Example:443/, http://localhost:3000"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->gateway.allowed_origins,
            (std::vector<std::string>{"https://chat.example", "http://localhost:3000"}));
}

TEST(Config, KnowsItsVerbs) {
  EXPECT_EQ(World().load({"version"})->verb, Verb::kVersion);
  EXPECT_EQ(World().load({"--version"})->verb, Verb::kVersion);
  EXPECT_EQ(World().load({"check", "--data-dir", "d"})->verb, Verb::kCheck);
  EXPECT_EQ(World().load({"serve", "--port", "0"})->port, 0);
  const auto help = World().load({"--help"});
  EXPECT_EQ(help->verb, Verb::kHelp);
  for (const OptionRow& row : option_rows()) {
    EXPECT_NE(help->help_text.find("--" + row.name), std::string::npos) << row.name;
    EXPECT_NE(help->help_text.find(variable_of(row.name)), std::string::npos) << row.name;
    EXPECT_NE(sample_config().find("# " + row.name + " ="), std::string::npos) << row.name;
  }
}

}  // namespace
}  // namespace maru::app
