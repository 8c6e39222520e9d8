// WebSockets over real sockets, and over TLS.
#include "net/websocket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "net/test_client.hpp"
#include "net/test_server.hpp"
#include "net/websocket_connection.hpp"

namespace maru::net {
namespace {

using test::Client;
using test::client_frame;
using test::Server;
using test::server_frame;
using test::upgrade_request;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using namespace std::string_literals;

void open(Client& client, const std::string& fields = {}) {
  client.send(upgrade_request("/ws", fields));
  ASSERT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 101 "));
}

TEST(WebSocketHandshake, AnswersAsRfc6455Says) {
  Server server;
  Client client(server.port());
  client.send(upgrade_request("/ws",
                              "Sec-WebSocket-Protocol: chat.v2 , chat\r\n"
                              "Sec-WebSocket-Extensions: permessage-deflate; x=constructor\r\n"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nDate: "));
  EXPECT_THAT(head, EndsWith(" GMT\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                             "Sec-WebSocket-Protocol: chat.v2\r\nX-Extra: 1\r\n\r\n"));
}

TEST(WebSocketHandshake, RefusesFaultyOnes) {
  const auto request = [](const std::string& fields) {
    return "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n" + fields + "\r\n";
  };
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string upgrade = "Upgrade: websocket\r\n";
  const std::string requests[] = {
      request(upgrade + version),
      request(upgrade + key),
      request(upgrade + version + "Sec-WebSocket-Key: short==\r\n"),
      request(upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n"),
      request(upgrade + version + key + key),
      request(upgrade + key + "Sec-WebSocket-Version: 12\r\n"),
      request(upgrade + version + key + "Sec-WebSocket-Protocol: " + std::string(10'000, ',') +
              "\r\n"),
  };
  Server server;
  for (const std::string& bytes : requests) {
    Client client(server.port());
    client.send(bytes);
    EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bytes;
    EXPECT_TRUE(client.ends());
  }
  EXPECT_TRUE(server.journal().wait_for("faulty handshake", std::size(requests)));
  Client client(server.port());
  client.send(request(upgrade + key + "Sec-WebSocket-Version: 1\r\n"));
  EXPECT_THAT(client.read_response(), HasSubstr("\r\nSec-WebSocket-Version: 13, 8\r\n"));
}

// RFC 9110, section 7.8: an offer may be ignored. curl --http2 and Java's HttpClient make one with
// every request, bodies included.
TEST(WebSocketHandshake, OffersOfOtherProtocolsAreIgnored) {
  Server server;
  Client client(server.port());
  for (const char* offer :
       {"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n", "Connection: upgrade\r\n",
        "Upgrade: websocket\r\n"}) {
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n" + std::string(offer) +
                "\r\nbody");
    EXPECT_THAT(client.read_response(), EndsWith("\r\n\r\nPOST /echo body")) << offer;
  }
  client.send("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("GET /echo "));
  // Several offers, "websocket" among them.
  client.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n"
      "Upgrade: x, WebSocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 101 "));
  // HTTP/1.0 has no upgrade.
  Client old(server.port());
  old.send("GET /echo HTTP/1.0\r\n" + std::string(test::kUpgradeFields) + "\r\n");
  EXPECT_THAT(old.read_to_end(), EndsWith("GET /echo "));
}

TEST(WebSocketHandshake, ARefusedUpgradeClosesTheConnection) {
  Server server;
  Client client(server.port());
  client.send(upgrade_request("/refuse"));
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(client.ends());
  // CVE-2022-41940: the client is gone before the answer.
  for (int i = 0; i < 20; ++i) {
    Client gone(server.port());
    gone.send(upgrade_request("/refuse"));
    gone.reset();
  }
  Client after(server.port());
  open(after);
}

TEST(WebSocket, EchoesTextAndBinaryHoweverTheyAreCut) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "hello") + client_frame(2, "\1\2\3") + client_frame(1, ""));
  EXPECT_EQ(client.read_exactly(14),
            server_frame(1, "hello") + server_frame(2, "\1\2\3") + server_frame(1, ""));
  for (const char byte : client_frame(1, "a", false) + client_frame(0, "b")) {
    client.send(std::string_view(&byte, 1));
  }
  EXPECT_EQ(client.read_exactly(4), server_frame(1, "ab"));
  const std::string big(65'536, 'x');
  client.send(client_frame(2, big));
  EXPECT_EQ(client.read_exactly(10 + big.size()), "\x82\x7F\0\0\0\0\0\1\0\0"s + big);
}

TEST(WebSocket, ReadsFramesThatCameWithTheHandshake) {
  Server server;
  Client client(server.port());
  client.send(upgrade_request("/ws") + client_frame(1, "early"));
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_exactly(7), server_frame(1, "early"));
}

TEST(WebSocket, ABodyBehindTheHandshakeIsAProtocolError) {
  Server server;
  Client client(server.port());
  client.send(upgrade_request("/ws", "Content-Length: 4\r\n") + "test");
  client.read_until("\r\n\r\n");
  EXPECT_EQ(client.read_to_end(), server_frame(8, "\x03\xEA"));
  EXPECT_TRUE(server.journal().wait_for("closed: protocol error"));
}

TEST(WebSocket, AnswersPingsWithTheirPayload) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(9, "abc") + client_frame(10, "ignored"));
  EXPECT_EQ(client.read_exactly(5), server_frame(10, "abc"));
}

TEST(WebSocket, EchoesTheClientsClose) {
  Server server;
  for (const std::string& payload : {""s, "\x03\xE8"s, "\x0F\xA0why"s}) {
    Client client(server.port());
    open(client);
    client.send(client_frame(8, payload));
    EXPECT_EQ(client.read_to_end(), server_frame(8, payload.substr(0, 2)));
    EXPECT_TRUE(client.ends());
  }
  EXPECT_TRUE(server.journal().wait_for("closed: peer closed", 3));
}

TEST(WebSocket, RefusesWithTheStatusAndAnEmptyReason) {
  Server server;
  const std::pair<std::string, std::string> cases[] = {
      {"\x81\x01"
       "a",
       "\x03\xEA"},
      {client_frame(1, "\xFF"), "\x03\xEF"},
      {"\x82\xFF\0\0\0\0\x40\0\0\0\1\2\3\4"s, "\x03\xF1"},
      {client_frame(2, std::string(65'537, 'x')), "\x03\xF1"},
  };
  for (const auto& [bytes, status] : cases) {
    Client client(server.port());
    open(client);
    client.send(bytes);
    EXPECT_EQ(client.read_to_end(), server_frame(8, status));
  }
  std::string pings;
  for (int i = 0; i < 25; ++i) pings += client_frame(9, "");
  Client client(server.port());
  open(client);
  client.send(pings);
  EXPECT_THAT(client.read_to_end(), EndsWith(server_frame(8, "\x03\xF0")));
  EXPECT_TRUE(server.journal().wait_for("closed: protocol error", 5));
}

TEST(WebSocket, CloseSendsWhatIsQueuedThenAFrameWithoutStatus) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "close") + client_frame(1, "not echoed"));
  EXPECT_EQ(client.read_exactly(8), server_frame(1, "last") + server_frame(8, ""));
  EXPECT_TRUE(server.journal().wait_for("closed: closed by server"));
  client.send(client_frame(8, ""));
  EXPECT_TRUE(client.ends());
}

TEST(WebSocket, CloseDoesNotWaitForEverForThePeer) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "close"));
  client.read_exactly(8);
  EXPECT_TRUE(client.ends(4000));
}

TEST(WebSocket, TellsThatTheClientWentAway) {
  Server server;
  {
    Client client(server.port());
    open(client);
  }
  EXPECT_TRUE(server.journal().wait_for("closed: peer closed"));
  Client client(server.port());
  open(client);
  client.reset();
  EXPECT_TRUE(server.journal().wait_for("closed: error"));
}

TEST(WebSocket, ClosesASlowConsumer) {
  Server server({.outbox_bytes_max = 100'000});
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "flood"));
  EXPECT_TRUE(server.journal().wait_for("closed: slow consumer"));
  EXPECT_EQ(server.journal().count("flood: slow"), 1);
  EXPECT_EQ(server.journal().count("flood: closing"), 1);
  EXPECT_EQ(server.thread().counters().slow_consumers, 1U);
  client.read_to_end();
  EXPECT_TRUE(client.ends());
}

// A write stops at 128 parts: that is our own bound, not a full socket's.
TEST(WebSocket, WritesAllThatTheSocketTakesInOneTurn) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "hello"));
  client.read_exactly(7);
  server.run_on(0, [&] {
    const TextFrame frame = TextFrame::make(std::string(100, 'x'));
    for (int i = 0; i < 300; ++i) server.handler().last_->send(frame);
    // In the next turn, before it writes anything.
    server.thread().post([&] {
      EXPECT_EQ(server.handler().last_->queued_bytes(), 0U);
      server.journal().add("looked");
    });
  });
  EXPECT_TRUE(server.journal().wait_for("looked"));
  EXPECT_EQ(client.read_exactly(300 * 102).size(), 300U * 102);
}

// Frames of one byte cost far more than their byte.
TEST(WebSocket, SmallFramesCountWithWhatTheyCost) {
  Server server({.outbox_bytes_max = 100'000});
  Client client(server.port(), 4096);
  open(client);
  client.send(client_frame(1, "trickle"));
  EXPECT_TRUE(server.journal().wait_for("closed: slow consumer"));
  EXPECT_EQ(server.journal().count("trickle: few"), 1);
}

TEST(WebSocket, TheBoundOfItsMessagesCanBeSet) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "bound") + client_frame(1, std::string(100, 'x')));
  EXPECT_EQ(client.read_exactly(102).substr(2), std::string(100, 'x'));
  client.send(client_frame(1, std::string(101, 'x')));
  EXPECT_EQ(client.read_exactly(4), server_frame(8, "\x03\xF1"));
}

TEST(WebSocket, PausedItReadsNothingAndResumedItLosesNothing) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "first"));
  EXPECT_EQ(client.read_exactly(7), server_frame(1, "first"));
  const std::string paused = client_frame(1, "pause") + client_frame(1, "held");
  const std::uint64_t read_before = server.thread().counters().bytes_read;
  client.send(paused);
  client.send(client_frame(1, "later"));
  for (int i = 0; i < 10'000 && server.thread().counters().bytes_read < read_before + paused.size();
       ++i) {
    server.take_turns();
  }
  server.take_turns();
  EXPECT_TRUE(client.stays_silent(0));
  server.run_on(0, [&] { server.handler().last_->resume_reading(); });
  EXPECT_EQ(client.read_exactly(13), server_frame(1, "held") + server_frame(1, "later"));
}

TEST(WebSocket, ManyFramesOfOneTurnAreOneWrite) {
  Server server;
  Client client(server.port());
  open(client);
  std::string frames;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    frames += client_frame(1, std::to_string(i));
    expected += server_frame(1, std::to_string(i));
  }
  const auto before = server.thread().counters().writes.load();
  client.send(frames);
  EXPECT_EQ(client.read_exactly(expected.size()), expected);
  EXPECT_LE(server.thread().counters().writes - before, 3U);
}

TEST(WebSocket, StopSaysNothing) {
  Server server;
  Client client(server.port());
  open(client);
  server.stop();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(server.journal().count("closed: closed by server"), 1);
}

// What is queued goes out, our side ends, and the peer may still send: a reset would take from it
// what it has not read.
TEST(WebSocket, AbandonEndsTheStreamWithoutAFrame) {
  Server server;
  Client client(server.port());
  open(client);
  client.send(client_frame(1, "abandon"));
  EXPECT_EQ(client.read_to_end(), server_frame(1, "last"));
  ASSERT_TRUE(server.journal().wait_for("closed: closed by server"));
  client.send(client_frame(1, "more") + client_frame(8, ""));
  EXPECT_EQ(client.read_to_end(), "") << "not reset";
}

TEST(WebSocket, IsSmall) {
  std::printf("sizeof a WebSocket connection: %zu bytes\n", sizeof(WebSocketStream));
  EXPECT_LE(sizeof(WebSocketStream), 150U);
}

// --- TLS -------------------------------------------------------------------------------------

// A self-signed certificate and its key, in files of their own.
class Certificate {
 public:
  explicit Certificate(const std::string& name) {
    const auto folder = std::filesystem::temp_directory_path();
    const std::string base = "maru_net_test_" + std::to_string(::getpid()) + "_" + name;
    files_.certificate_chain_pem = folder / (base + "_cert.pem");
    files_.private_key_pem = folder / (base + "_key.pem");
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    write(files_.certificate_chain_pem, [&](FILE* file) { PEM_write_X509(file, certificate); });
    write(files_.private_key_pem, [&](FILE* file) {
      PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() {
    std::filesystem::remove(files_.certificate_chain_pem);
    std::filesystem::remove(files_.private_key_pem);
  }
  [[nodiscard]] const TlsFiles& files() const { return files_; }

 private:
  template <class Write>
  static void write(const std::string& path, Write&& write_to) {
    FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    write_to(file);
    std::fclose(file);
  }

  TlsFiles files_;
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int version_max = 0,
                     std::string_view alpn = "\x02h2\x08http/1.1")
      : client_(port) {
    context_ = SSL_CTX_new(TLS_client_method());
    if (version_max != 0) {
      SSL_CTX_set_min_proto_version(context_, 0);
      SSL_CTX_set_max_proto_version(context_, version_max);
      SSL_CTX_set_cipher_list(context_, "ALL:@SECLEVEL=0");
    }
    session_ = SSL_new(context_);
    const timeval timeout{5, 0};
    ::setsockopt(client_.descriptor(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    SSL_set_fd(session_, client_.descriptor());
    SSL_set_alpn_protos(session_, reinterpret_cast<const unsigned char*>(alpn.data()),
                        static_cast<unsigned>(alpn.size()));
    connected_ = SSL_connect(session_) == 1;
  }
  ~TlsClient() {
    SSL_free(session_);
    SSL_CTX_free(context_);
  }
  [[nodiscard]] bool connected() const { return connected_; }
  [[nodiscard]] std::string alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(session_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  [[nodiscard]] std::string server_name() const {
    X509* certificate = SSL_get1_peer_certificate(session_);
    char name[100] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                              sizeof name);
    X509_free(certificate);
    return name;
  }
  void send(std::string_view bytes) {
    SSL_write(session_, bytes.data(), static_cast<int>(bytes.size()));
  }
  std::string read_exactly(std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const int got = SSL_read(session_, text.data() + have, static_cast<int>(size - have));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
  }
  std::string read_head() {
    std::string text;
    while (!text.ends_with("\r\n\r\n")) {
      const std::string byte = read_exactly(1);
      if (byte.empty()) break;
      text += byte;
    }
    return text;
  }

 private:
  Client client_;
  SSL_CTX* context_ = nullptr;
  SSL* session_ = nullptr;
  bool connected_ = false;
};

TEST(NetTls, TakesTheBestOfWhatAlpnOffers) {
  const Certificate certificate("one");
  Server server({}, 1, *load_tls(certificate.files()));
  TlsClient old(server.port(), 0, "\x08http/1.0");
  ASSERT_TRUE(old.connected());
  EXPECT_EQ(old.alpn(), "http/1.0");
  old.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.read_head(), StartsWith("HTTP/1.1 200 "));
  const TlsClient both(server.port(), 0, "\x08http/1.0\x08http/1.1");
  EXPECT_EQ(both.alpn(), "http/1.1");
  const TlsClient none(server.port(), 0, "");
  EXPECT_TRUE(none.connected());
  EXPECT_FALSE(TlsClient(server.port(), 0, "\x02h2").connected()) << "RFC 7301, section 3.2";
}

TEST(NetTls, SpeaksHttpAndWebSocket) {
  const Certificate certificate("one");
  auto tls = load_tls(certificate.files());
  ASSERT_TRUE(tls) << tls.error().detail;
  Server server({}, 2, *tls);
  TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.alpn(), "http/1.1");
  const std::string body(900, 'x');
  client.send("POST /move/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n" + body);
  EXPECT_THAT(client.read_head(), HasSubstr("Content-Length: 913\r\n"));
  EXPECT_EQ(client.read_exactly(913), "POST /move/1 " + body);
  client.send("GET /big/300000 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_head(), HasSubstr("Content-Length: 300000\r\n"));
  EXPECT_EQ(client.read_exactly(300'000), std::string(300'000, 'b'));
  client.send(upgrade_request("/move/0") + client_frame(1, "early"));
  EXPECT_THAT(client.read_head(), StartsWith("HTTP/1.1 101 "));
  EXPECT_EQ(client.read_exactly(7), server_frame(1, "early"));
  const std::string big(60'000, 'y');
  for (int i = 0; i < 5; ++i) client.send(client_frame(2, big));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.read_exactly(4 + big.size()).substr(4), big);
  client.send(client_frame(8, "\x03\xE8"));
  EXPECT_EQ(client.read_exactly(100), server_frame(8, "\x03\xE8"));
}

TEST(NetTls, ANewCertificateIsForNewConnections) {
  const Certificate one("one");
  const Certificate two("two");
  Server server({}, 1, *load_tls(one.files()));
  TlsClient before(server.port());
  EXPECT_EQ(before.server_name(), "one");
  server.thread().set_tls(*load_tls(two.files()));
  server.run_on(0, [] {});
  TlsClient after(server.port());
  EXPECT_EQ(after.server_name(), "two");
  before.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(before.read_head(), StartsWith("HTTP/1.1 200 "));
}

TEST(NetTls, RefusesOldVersionsAndPlainText) {
  const Certificate certificate("one");
  Server server({.head_timeout_ms = 200}, 1, *load_tls(certificate.files()));
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).connected());
  EXPECT_TRUE(TlsClient(server.port(), TLS1_2_VERSION).connected());
  Client plain(server.port());
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(plain.read_to_end(), Not(HasSubstr("200")));
  Client silent(server.port());
  EXPECT_TRUE(silent.ends()) << "the handshake has a deadline";
  TlsClient honest(server.port());
  honest.send("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(honest.read_head(), StartsWith("HTTP/1.1 200 "));
}

TEST(NetTls, NamesTheFileThatIsWrong) {
  const Certificate one("one");
  const Certificate two("two");
  const auto missing = load_tls({"/no/such/cert.pem", one.files().private_key_pem});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().detail,
            "cannot read the TLS certificate /no/such/cert.pem: No such file or directory");
  const auto no_key = load_tls({one.files().certificate_chain_pem, "/no/such/key.pem"});
  ASSERT_FALSE(no_key);
  EXPECT_EQ(no_key.error().detail,
            "cannot read the TLS key /no/such/key.pem: No such file or directory");
  const auto directory = load_tls({"/tmp", one.files().private_key_pem});
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().detail, "cannot read the TLS certificate /tmp: Is a directory");
  const auto no_pem = load_tls({one.files().certificate_chain_pem, "/proc/self/status"});
  ASSERT_FALSE(no_pem);
  EXPECT_THAT(no_pem.error().detail, StartsWith("cannot load the TLS key /proc/self/status: "));
  const auto mixed = load_tls({one.files().certificate_chain_pem, two.files().private_key_pem});
  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().detail, HasSubstr(two.files().private_key_pem));
}

}  // namespace
}  // namespace maru::net
