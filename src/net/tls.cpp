#include "net/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

namespace maru::net {
namespace {

constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned in_size, void*) {
  // In the order of preference. Who offers only the older one (an ApacheBench) may speak it.
  static constexpr unsigned char kProtocols[] = "\x08http/1.1\x08http/1.0";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301, section 3.2
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string last_error() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(code)) return reason;
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

// OpenSSL says no more of a file that is not there than "system lib".
Result<void> check_readable(const std::string& what, const std::string& path) {
  int error = 0;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    error = errno;
  } else {
    struct stat status{};
    if (::fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
    ::close(descriptor);
  }
  if (error == 0) return {};
  return fail(ErrorCode::kUnavailable,
              "cannot read the TLS " + what + " " + path + ": " + std::strerror(error));
}

// A server has nobody to ask for a pass phrase.
int no_pass_phrase(char*, int, int, void*) {
  return 0;
}

IoResult classify(ssl_st* session, int result, std::size_t bytes) {
  if (result > 0) return {IoStatus::kDone, bytes};
  switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::kWantRead, 0};
    case SSL_ERROR_WANT_WRITE:
      return {IoStatus::kWantWrite, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::kEnd, 0};
    default:
      return {IoStatus::kFailed, 0};
  }
}

}  // namespace

Tls::~Tls() {
  SSL_CTX_free(context_);
}

ssl_st* Tls::new_session(int descriptor) const {
  SSL* session = SSL_new(context_);
  if (session == nullptr) return nullptr;
  if (SSL_set_fd(session, descriptor) != 1) {
    SSL_free(session);
    return nullptr;
  }
  SSL_set_accept_state(session);
  return session;
}

Result<std::shared_ptr<Tls>> load_tls(const TlsFiles& files) {
  if (auto readable = check_readable("certificate", files.certificate_chain_pem); !readable) {
    return std::unexpected(readable.error());
  }
  if (auto readable = check_readable("key", files.private_key_pem); !readable) {
    return std::unexpected(readable.error());
  }
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return fail(ErrorCode::kInternal, "TLS: " + last_error());
  auto tls = std::make_shared<Tls>(context);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Tickets only: a server-side cache would be shared between threads and grow with clients.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  if (SSL_CTX_set_cipher_list(context, kCiphers) != 1) {
    return fail(ErrorCode::kInternal, "TLS: " + last_error());
  }
  SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate_chain_pem.c_str()) != 1) {
    return fail(ErrorCode::kUnavailable, "cannot load the TLS certificate " +
                                             files.certificate_chain_pem + ": " + last_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, files.private_key_pem.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorCode::kUnavailable,
                "cannot load the TLS key " + files.private_key_pem + ": " + last_error());
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorCode::kUnavailable, "the TLS key " + files.private_key_pem +
                                             " does not belong to the certificate " +
                                             files.certificate_chain_pem);
  }
  return tls;
}

IoResult tls_read(ssl_st* session, std::span<char> into) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(session, into.data(), into.size(), &bytes);
  return classify(session, result, bytes);
}

IoResult tls_write(ssl_st* session, std::string_view bytes) {
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(session, bytes.data(), bytes.size(), &written);
  return classify(session, result, written);
}

bool tls_has_pending(const ssl_st* session) {
  return SSL_has_pending(session) == 1;
}

void tls_notify_close(ssl_st* session) {
  ERR_clear_error();
  if (SSL_is_init_finished(session)) SSL_shutdown(session);
  ERR_clear_error();
}

void tls_free(ssl_st* session) {
  SSL_free(session);
}

std::string websocket_accept_value(std::string_view key) {
  static constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::string text(key);
  text += kGuid;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::string encoded(4 * ((size + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     digest.data(), static_cast<int>(size));
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

}  // namespace maru::net
