#include "net/header_scan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "net/http_parser.hpp"

namespace maru::net {
namespace {

using Progress = HttpParser::Progress;
using namespace std::string_literals;

struct Outcome {
  int status = 0;  // 0: a whole request; -1: it wants more; 413 for kTooLarge
  std::string body;
  std::string rest;  // what belongs to the next request
  std::string target;
};

// Feeds `bytes` in pieces of `step`, as a connection would.
Outcome run(const std::string& bytes, std::size_t step, std::size_t body_bytes_max = 1000) {
  HttpParser parser;
  std::string unread;
  bool in_body = false;
  std::size_t fed = 0;
  while (true) {
    std::size_t used = 0;
    const Progress progress =
        in_body ? parser.feed_body(unread, body_bytes_max, used) : parser.feed_head(unread, used);
    unread.erase(0, used);
    switch (progress) {
      case Progress::kFaulty:
        return {parser.fault().status, {}, {}, {}};
      case Progress::kTooLarge:
        return {413, {}, {}, {}};
      case Progress::kComplete:
        if (!in_body && parser.has_body()) {
          in_body = true;
          continue;
        }
        return {0, parser.body(), unread + bytes.substr(fed), parser.head().target};
      case Progress::kNeedMore:
        if (fed == bytes.size()) return {-1, {}, {}, {}};
        const std::string piece = bytes.substr(fed, step);
        fed += piece.size();
        unread += piece;
    }
  }
}

Outcome run_all_ways(const std::string& bytes, std::size_t body_bytes_max = 1000) {
  const Outcome whole = run(bytes, bytes.size(), body_bytes_max);
  for (const std::size_t step : {1, 2, 3, 7, 64}) {
    const Outcome split = run(bytes, step, body_bytes_max);
    EXPECT_EQ(split.status, whole.status) << bytes << "\nin steps of " << step;
    EXPECT_EQ(split.body, whole.body) << bytes;
    EXPECT_EQ(split.rest, whole.rest) << bytes;
  }
  return whole;
}

struct Refused {
  const char* name;
  std::string bytes;
  int status = 400;
};

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string post(const std::string& fields, const std::string& body = {}) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}

// Request smuggling and malformed heads (quality.md 1, row 26; RFC 9112).
const std::vector<Refused>& smuggling_corpus() {
  static const std::vector<Refused> corpus = {
      {"TE and CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n")},
      {"CL and TE", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"two equal CL", post("Content-Length: 1\r\nContent-Length: 1\r\n", "a")},
      {"two different CL", post("Content-Length: 1\r\nContent-Length: 2\r\n", "ab")},
      {"CL list", post("Content-Length: 1, 1\r\n", "a")},
      {"CL with a sign", post("Content-Length: +1\r\n", "a")},
      {"negative CL", post("Content-Length: -1\r\n")},
      {"CL in hex", post("Content-Length: 0x1\r\n", "a")},
      {"CL with a space within", post("Content-Length: 1 1\r\n")},
      {"empty CL", post("Content-Length:\r\n")},
      {"CL past 64 bits", post("Content-Length: 18446744073709551617\r\n")},
      {"CL of letters", post("Content-Length: abc\r\n")},
      {"two TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"TE identity", post("Transfer-Encoding: identity\r\n"), 501},
      {"TE gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"TE chunked, identity", post("Transfer-Encoding: chunked, identity\r\n"), 501},
      {"TE xchunked", post("Transfer-Encoding: xchunked\r\n"), 501},
      {"TE with a vertical tab", post("Transfer-Encoding: \x0B"
                                      "chunked\r\n")},
      {"TE with a NUL", post("Transfer-Encoding: chunked\0\r\n"s)},
      {"TE quoted", post("Transfer-Encoding: \"chunked\"\r\n"), 501},
      {"TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"space before the colon", get("X : a\r\n")},
      {"tab before the colon", post("Content-Length\t: 1\r\n")},
      {"TE with a space before the colon", post("Transfer-Encoding : chunked\r\n")},
      {"folded field", get("X: a\r\n b\r\n")},
      {"field folded with a tab", get("X: a\r\n\tb\r\n")},
      {"folded TE", post("Transfer-Encoding:\r\n chunked\r\n"), 501},
      {"fold right after the request line", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n"},
      {"bare LF in a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"},
      {"bare LFs throughout", "GET / HTTP/1.1\nHost: a\n\n"},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n"},
      {"CR within a value", get("X: a\rContent-Length: 3\r\n")},
      {"CR CR LF", get("X: a\r\r\n")},
      {"NUL in a value", get("X: a\0b\r\n"s)},
      {"control character in a value", get("X: a\x01\r\n")},
      {"NUL in a name", get("X\0: a\r\n"s)},
      {"empty name", get(": a\r\n")},
      {"name with a bracket", get("X(y): a\r\n")},
      {"name not ASCII", get("X\xC3\xA9: a\r\n")},
      {"no colon", get("Xabc\r\n")},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two Hosts", get("Host: b\r\n")},
      {"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"},
      {"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"two spaces after the target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"authority as target", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"absolute target without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"absolute target with a user", "GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"fragment in the target", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"control character in the target", "GET /\x7F HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"space before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"method not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"HTTP/0.9", "GET /\r\n\r\n"},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"empty lines without end", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"a TLS hello", "\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03\n"s},
      {"unknown expectation", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417},
      {"chunk size not hex", post("Transfer-Encoding: chunked\r\n", "z\r\na\r\n0\r\n\r\n")},
      {"chunk size with a prefix", post("Transfer-Encoding: chunked\r\n", "0x1\r\na\r\n0\r\n\r\n")},
      {"chunk size past 64 bits",
       post("Transfer-Encoding: chunked\r\n", "10000000000000000\r\na\r\n0\r\n\r\n")},
      {"chunk longer than its size",
       post("Transfer-Encoding: chunked\r\n", "1\r\nab\r\n0\r\n\r\n")},
      {"chunk without CR", post("Transfer-Encoding: chunked\r\n", "1\na\n0\n\n\r\n\r\n")},
      {"negative chunk size", post("Transfer-Encoding: chunked\r\n", "-1\r\na\r\n0\r\n\r\n")},
      {"chunk header without end",
       post("Transfer-Encoding: chunked\r\n", "1;" + std::string(5000, 'a'))},
  };
  return corpus;
}

TEST(HeaderScan, RefusesTheSmugglingCorpus) {
  for (const Refused& c : smuggling_corpus()) {
    EXPECT_EQ(run_all_ways(c.bytes).status, c.status) << c.name;
  }
}

TEST(HeaderScan, BoundsTheNumberOfFields) {
  std::string fields;
  for (int i = 0; i < 63; ++i) fields += "X" + std::to_string(i) + ": a\r\n";
  EXPECT_EQ(run_all_ways(get(fields)).status, 0);
  EXPECT_EQ(run_all_ways(get(fields + "Y: a\r\n")).status, 431);
  // CVE-2024-37890: they never end.
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "a: b\r\n";
  EXPECT_EQ(run("GET / HTTP/1.1\r\n" + many, 1000).status, 431);
}

TEST(HeaderScan, BoundsTheSizeOfTheHead) {
  const std::size_t other = get("X: \r\n").size();
  EXPECT_EQ(run(get("X: " + std::string(16 * 1024 - other, 'a') + "\r\n"), 999).status, 0);
  EXPECT_EQ(run(get("X: " + std::string(16 * 1024 - other + 1, 'a') + "\r\n"), 999).status, 431);
  EXPECT_EQ(run("GET /" + std::string(20'000, 'a'), 1000).status, 431);
}

TEST(HttpParser, ReadsAPlainRequest) {
  HttpParser parser;
  std::size_t used = 0;
  const std::string bytes =
      "GET /a/b?x=1&y=%EA%B9%80 HTTP/1.1\r\nhOST: a\r\nX-Two:  b c \r\nx-two: d\r\n\r\nrest";
  ASSERT_EQ(parser.feed_head(bytes, used), Progress::kComplete);
  EXPECT_EQ(bytes.substr(used), "rest");
  const RequestHead& head = parser.head();
  EXPECT_EQ(head.method, Method::kGet);
  EXPECT_EQ(head.path(), "/a/b");
  EXPECT_EQ(head.query(), "x=1&y=%EA%B9%80");
  EXPECT_EQ(head.field("x-two"), "b c");
  EXPECT_EQ(head.field("host"), "a");
  EXPECT_FALSE(head.wants_websocket);
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_FALSE(parser.has_body());
  EXPECT_EQ(query_value(head.query(), "y").value, "\xEA\xB9\x80");
}

TEST(HttpParser, JoinsCookieLines) {
  HttpParser parser;
  std::size_t used = 0;
  ASSERT_EQ(parser.feed_head(
                get("Cookie: a=1\r\nX: y\r\ncookie: b=2; c=3\r\nCOOKIE: d=4\r\nZ: z\r\n"), used),
            Progress::kComplete);
  const RequestHead& head = parser.head();
  EXPECT_EQ(head.field("cookie"), "a=1; b=2; c=3; d=4");
  EXPECT_EQ(std::ranges::count(head.fields, "cookie", [](const auto& f) { return f.first; }), 1);
  EXPECT_EQ(head.field("x"), "y");
  EXPECT_EQ(head.field("z"), "z");
}

TEST(HttpParser, ReadsBodiesAndLeavesTheNextRequest) {
  const std::string next = "GET /2 HTTP/1.1\r\n";
  auto outcome = run_all_ways(post("Content-Length: 5\r\n", "hello" + next));
  EXPECT_EQ(outcome.body, "hello");
  EXPECT_EQ(outcome.rest, next);
  outcome = run_all_ways(post("Transfer-Encoding: Chunked\r\n",
                              "1\r\nh\r\n3;a=b;c=\"d\"\r\nell\r\n01\r\no\r\n0\r\n\r\n" + next));
  EXPECT_EQ(outcome.body, "hello");
  EXPECT_EQ(outcome.rest, next);
  outcome = run_all_ways(
      post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\nHost: b\r\nX: y\r\n\r\n" + next));
  EXPECT_EQ(outcome.body, "a") << "trailers are dropped";
  EXPECT_EQ(outcome.rest, next);
  outcome = run_all_ways(post("Content-Length: 0\r\n", next));
  EXPECT_EQ(outcome.rest, next);
  outcome = run_all_ways("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(outcome.status, 0) << "an empty line before the request is skipped";
}

TEST(HttpParser, BoundsTheBodyOnTheStream) {
  EXPECT_EQ(run_all_ways(post("Content-Length: 1000\r\n", std::string(1000, 'a'))).status, 0);
  EXPECT_EQ(run_all_ways(post("Content-Length: 1001\r\n", "a")).status, 413);
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string full = "3e8\r\n" + std::string(1000, 'a') + "\r\n";
  EXPECT_EQ(run_all_ways(post(chunked, full + "0\r\n\r\n")).status, 0);
  EXPECT_EQ(run_all_ways(post(chunked, full + "1\r\na\r\n0\r\n\r\n")).status, 413);
  EXPECT_EQ(run_all_ways(post(chunked, "ffffffffffffffff\r\na")).status, 413);
  EXPECT_EQ(run_all_ways(post("Content-Length: 1\r\n", "a"), 0).status, 413);
}

TEST(HttpParser, BoundsWhatChunksCostBesidesTheirBytes) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  EXPECT_EQ(run(post("Transfer-Encoding: chunked\r\n", body), 500).status, 400);
}

TEST(HttpParser, TakesAnAbsoluteTargetApart) {
  const auto outcome = run_all_ways("GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.target, "/x?y");
  EXPECT_EQ(run_all_ways("GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?y");
}

TEST(HttpParser, LetsHangulThroughInTheTarget) {
  EXPECT_EQ(run_all_ways("GET /users/search?query=\xEA\xB9\x80 HTTP/1.1\r\nHost: a\r\n\r\n").target,
            "/users/search?query=\xEA\xB9\x80");
}

TEST(HttpParser, SeesWhoWantsAnUpgrade) {
  const auto asks = [](const std::string& head) {
    HttpParser parser;
    std::size_t used = 0;
    EXPECT_EQ(parser.feed_head(head, used), Progress::kComplete);
    return parser.head().wants_websocket;
  };
  const auto wants = [&](const std::string& fields) { return asks(get(fields)); };
  EXPECT_TRUE(wants("Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n"));
  EXPECT_TRUE(
      wants("Connection: close\r\nConnection: upgrade\r\nUpgrade: a\r\nUpgrade: b, websocket\r\n"));
  EXPECT_FALSE(wants("Connection: upgrade\r\nUpgrade: h2c\r\n"));
  EXPECT_FALSE(asks("POST" + get("Connection: upgrade\r\nUpgrade: websocket\r\n").substr(3)));
  EXPECT_FALSE(asks("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
  EXPECT_FALSE(wants("Connection: upgrade\r\n"));
  EXPECT_FALSE(wants("Upgrade: websocket\r\n"));
  EXPECT_FALSE(wants("Connection: xupgrade\r\nUpgrade: websocket\r\n"));
}

TEST(QueryValue, FindsTheFirstAndDecodesIt) {
  EXPECT_EQ(query_value("a=1&b=2&b=3", "b").value, "2");
  EXPECT_EQ(query_value("a=x+y%2B%zz%4", "a").value, "x y+%zz%4");
  EXPECT_TRUE(query_value("a&b=", "a").found);
  EXPECT_EQ(query_value("%61=1", "a").value, "1");
  EXPECT_FALSE(query_value("", "a").found);
  EXPECT_FALSE(query_value("&&=", "a").found);
  EXPECT_EQ(percent_decode("a+b%20c%"), "a+b c%");
}

}  // namespace
}  // namespace maru::net
