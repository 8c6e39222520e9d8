#include "app/config_file.hpp"

#include <gtest/gtest.h>

#include <string>

namespace maru::app {
namespace {

TEST(ConfigFile, ReadsTomlAsItIsDefined) {
  const auto values = parse_config_file("c.toml",
                                        "# a comment\n"
                                        "port = 1_234   # an integer\n"
                                        "data-dir = \"a#b\"\n"
                                        "'host' = '\\literal'\n"
                                        "log-level = \"\\u0069nfo\"\n"
                                        "recovery = true\n"
                                        "rate-limits = \"off\"\n"
                                        "client-url = [\n"
                                        "  \"https://a.example\",  # one\n"
                                        "  \"https://b.example\",\n"
                                        "]\n"
                                        "trusted-proxies = \"10.0.0.0/8\"\r\n");
  ASSERT_TRUE(values) << values.error().detail;
  EXPECT_EQ(*values, (Values{{"port", "1234"},
                             {"data-dir", "a#b"},
                             {"host", "\\literal"},
                             {"log-level", "info"},
                             {"recovery", "true"},
                             {"rate-limits", "off"},
                             {"client-url", "https://a.example,https://b.example"},
                             {"trusted-proxies", "10.0.0.0/8"}}));
  EXPECT_TRUE(parse_config_file("c.toml", "")->empty());
}

TEST(ConfigFile, SaysInWhichLineWhatIsWrong) {
  struct Case {
    const char* text;
    const char* line;
    const char* named;
  };
  const Case cases[] = {
      {"port = 1\nprot = 1\n", "line 2", "'prot'"},
      {"port = 1\n\nport = 2\n", "line 3", "port"},
      {"port = 1\n[server]\n", "line 2", "server"},
      {"server.port = 1\n", "line 1", "server"},
      {"[[server]]\n", "line 1", "server"},
      {"port = { a = 1 }\n", "line 1", "port"},
      {"port = 1.5\n", "line 1", "'port'"},
      {"port = 1979-05-27\n", "line 1", "'port'"},
      {"port = [1, 2]\n", "line 1", "'port'"},
      {"data-dir = [\"a\"]\n", "line 1", "'data-dir'"},
      {"client-url = [\"a\", 1]\n", "line 1", "'client-url'"},
      {"data-dir = a#b\n", "line 1", ""},
      {"data-dir = \"a\n", "line 1", ""},
      {"auth = open\n", "line 1", ""},
      {"port 1\n", "line 1", ""},
      {"port = 1 auth = \"open\"\n", "line 1", ""},
      {"data-dir = \"\xff\"\n", "line 1", ""},
  };
  for (const Case& c : cases) {
    const auto values = parse_config_file("c.toml", c.text);
    ASSERT_FALSE(values) << c.text;
    const std::string& detail = values.error().detail;
    EXPECT_TRUE(detail.starts_with(std::string("c.toml, ") + c.line)) << detail;
    EXPECT_NE(detail.find(c.named), std::string::npos) << detail;
    EXPECT_EQ(detail.find('\n'), std::string::npos) << detail;
  }
}

TEST(Dotenv, ReadsWhatShellsWrite) {
  EXPECT_EQ(
      parse_dotenv("A=1\n"
                   "export B = two words # comment\r\n"
                   "C=\"a#b\" # comment\n"
                   "D='x=y'\n"
                   "E=\n"
                   "# F=1\n"
                   "nothing\n"
                   "G=a#b"),
      (Values{
          {"A", "1"}, {"B", "two words"}, {"C", "a#b"}, {"D", "x=y"}, {"E", ""}, {"G", "a#b"}}));
}

}  // namespace
}  // namespace maru::app
