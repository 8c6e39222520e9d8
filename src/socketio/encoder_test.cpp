#include "socketio/encoder.hpp"

#include <gtest/gtest.h>

namespace maru::socketio {
namespace {

TEST(Encoder, LeavesTheMainNamespaceOut) {
  EXPECT_EQ(event_prefix("/"), "42");
  EXPECT_EQ(event_prefix("/custom"), "42/custom,");
  EXPECT_EQ(encode_disconnect("/"), "41");
  EXPECT_EQ(encode_disconnect("/custom"), "41/custom,");
}

TEST(Encoder, WritesAcksAndBinaryPackets) {
  EXPECT_EQ(ack_prefix("/", 456), "43456");
  EXPECT_EQ(ack_prefix("/x", 18446744073709551615U), "43/x,18446744073709551615");
  EXPECT_EQ(encode_binary_event("/", 2, "[1]"), "452-[1]");
  EXPECT_EQ(encode_binary_ack("/x", 10, 789, "[1]"), "4610-/x,789[1]");
}

TEST(Encoder, WritesConnectWithAndWithoutPid) {
  EXPECT_EQ(encode_connect("/", "abc", ""), R"(40{"sid":"abc"})");
  EXPECT_EQ(encode_connect("/x", "abc", "def"), R"(40/x,{"sid":"abc","pid":"def"})");
}

TEST(Encoder, EscapesErrors) {
  EXPECT_EQ(encode_connect_error("/random", "Invalid namespace", ""),
            R"(44/random,{"message":"Invalid namespace"})");
  EXPECT_EQ(encode_connect_error("/", "a \"b\"\n", R"({"code":"x"})"),
            R"(44{"message":"a \"b\"\n","data":{"code":"x"}})");
}

}  // namespace
}  // namespace maru::socketio
