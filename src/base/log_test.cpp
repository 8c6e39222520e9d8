#include "base/log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace maru::log {
namespace {

std::string written(Format format, Level level, const std::string& value, bool as_audit = false) {
  configure(format, level);
  ::testing::internal::CaptureStderr();
  if (as_audit) {
    audit("audit_event", {{"value", value}});
  } else {
    info("event", {{"value", value}});
  }
  std::string line = ::testing::internal::GetCapturedStderr();
  configure(Format::kText, Level::kInfo);
  return line;
}

// The value as it stands in a JSON line, between its quotes.
std::string in_json(const std::string& value) {
  const std::string line = written(Format::kJson, Level::kInfo, value);
  const std::string key = R"("value":")";
  const std::size_t start = line.find(key) + key.size();
  return line.substr(start, line.rfind('"') - start);
}

TEST(Log, EscapesWhatEndsALineOrCommandsATerminal) {
  EXPECT_EQ(in_json("a\nb\r\x1b[31m\x7f"), R"(a\u000ab\u000d\u001b[31m\u007f)");
  EXPECT_EQ(in_json(R"("\)"), R"(\"\\)");
  EXPECT_EQ(in_json("\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0"), "\\u0080\\u009b\\u009f\xc2\xa0");
  EXPECT_EQ(in_json("\u2028\u2029"), R"(\u2028\u2029)");
  EXPECT_EQ(in_json("\u200e\u200f\u202a\u202e\u2066\u2069\u061c\ufeff"),
            R"(\u200e\u200f\u202a\u202e\u2066\u2069\u061c\ufeff)");
}

TEST(Log, LeavesTextAlone) {
  EXPECT_EQ(in_json("마루 \u00e9 \U0001f600"), "마루 \u00e9 \U0001f600");
}

TEST(Log, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(in_json("a\xff"
                    "b"),
            R"(a\ufffdb)");
  EXPECT_EQ(in_json("\x80"), R"(\ufffd)");
  EXPECT_EQ(in_json("\xc0\xaf"), R"(\ufffd\ufffd)");            // overlong
  EXPECT_EQ(in_json("\xe0\x80\xaf"), R"(\ufffd\ufffd\ufffd)");  // overlong
  EXPECT_EQ(in_json("\xed\xa0\x80"), R"(\ufffd\ufffd\ufffd)");  // a surrogate
  EXPECT_EQ(in_json("\xf4\x90\x80\x80"), R"(\ufffd\ufffd\ufffd\ufffd)");
  EXPECT_EQ(in_json("\xec\x95"), R"(\ufffd\ufffd)");  // cut off
  EXPECT_EQ(in_json("\xec\x95"
                    "a"),
            R"(\ufffd\ufffda)");
}

TEST(Log, QuotesInTextWhatIsNotPlain) {
  const auto text = [](const std::string& value) {
    const std::string line = written(Format::kText, Level::kInfo, value);
    return line.substr(line.find("value="));
  };
  EXPECT_EQ(text("plain-1"), "value=plain-1\n");
  EXPECT_EQ(text("a b"), "value=\"a b\"\n");
  EXPECT_EQ(text("\xc2\x9b"), "value=\"\\u009b\"\n");
  EXPECT_EQ(text("\xff"), "value=\"\\ufffd\"\n");
}

TEST(Log, TheAuditTrailIsWrittenAtEveryLevel) {
  EXPECT_EQ(written(Format::kJson, Level::kError, "x"), "");
  EXPECT_NE(written(Format::kJson, Level::kError, "x", true)
                .find(R"("level":"audit","event":"audit_event","value":"x"})"),
            std::string::npos);
  EXPECT_NE(written(Format::kText, Level::kWarn, "x", true).find(" audit audit_event value=x\n"),
            std::string::npos);
}

}  // namespace
}  // namespace maru::log
