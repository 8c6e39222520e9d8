#include "engineio/base64.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace maru::engineio {
namespace {

std::string encoded(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

TEST(Base64, EncodesTheExamplesOfTheRfc) {
  EXPECT_EQ(encoded(""), "");
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encoded("\x01\x02\x03\x04"), "AQIDBA==");
}

TEST(Base64, ReadsWithAndWithoutPadding) {
  for (const char* text : {"Zg==", "Zg"}) {
    std::string out = "kept";
    ASSERT_TRUE(append_decoded_base64(out, text)) << text;
    EXPECT_EQ(out, "keptf");
  }
}

// What java.util.Base64's MIME form and android.util.Base64.DEFAULT make.
TEST(Base64, ReadsLines) {
  for (const char* text : {"Zm9vYmE=\n", "Zm9v\nYmE=\n", "Zm9v\r\nYmE=\r\n", "\nZ\nm9vYmE"}) {
    std::string out = "kept";
    ASSERT_TRUE(append_decoded_base64(out, text)) << text;
    EXPECT_EQ(out, "keptfooba");
  }
  std::string out;
  EXPECT_TRUE(append_decoded_base64(out, "\n"));
  EXPECT_EQ(out, "");
  std::string bytes(1000, '\7');
  std::string lines;
  const std::string line = encoded(bytes);
  for (std::size_t i = 0; i < line.size(); i += 76) lines += line.substr(i, 76) + "\n";
  ASSERT_TRUE(append_decoded_base64(out, lines));
  EXPECT_EQ(out, bytes);
}

TEST(Base64, RefusesWhatNoEncoderMakes) {
  for (const char* text : {"Z", "Zg=", "Zg===", "Zh==", "Z g=", "Zg==Zg==", "-_-_", "=", "Zm9v=",
                           "==", "Zm9v\n=", "Zg\n\n=", "Zg=\n=", "Zg==\n=", "Zm9v\t", "Z\n"}) {
    std::string out = "kept";
    EXPECT_FALSE(append_decoded_base64(out, text)) << text;
    EXPECT_EQ(out, "kept") << text;
  }
}

TEST(Base64, RoundTripsRandomBytesOfEverySize) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string back;
    ASSERT_TRUE(append_decoded_base64(back, encoded(bytes)));
    EXPECT_EQ(back, bytes);
  }
}

TEST(Base64, UrlFormHasTheWantedSizeOnly) {
  std::string text;
  append_base64url(text, "\xFB\xFF\xFE");
  EXPECT_EQ(text, "-__-");
  std::array<std::uint8_t, 3> out{};
  EXPECT_TRUE(decode_base64url(text, out.data(), out.size()));
  EXPECT_EQ(out[0], 0xFB);
  EXPECT_FALSE(decode_base64url("-__", out.data(), out.size()));
  EXPECT_FALSE(decode_base64url("-__-A", out.data(), out.size()));
  EXPECT_FALSE(decode_base64url("+//+", out.data(), out.size()));
  EXPECT_FALSE(decode_base64url("-__\n", out.data(), out.size()));
}

}  // namespace
}  // namespace maru::engineio
