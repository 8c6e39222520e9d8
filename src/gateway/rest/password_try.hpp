// The one way in which somebody's password is tried, by a login and by a change of password: under
// the delays of failed tries and the rates of hashing (quality.md 1, rows 6 to 8).
//
// Hashing is shared out. Who comes from where that account has logged in before (KnownNetworks) has
// a share of its own, so much of it for one account; everybody else, and who finds too little
// there, takes from the strangers' share. In both one waits up to options.rate_delay_max_ms rather
// than be refused, and the hasher does the known ones first (Hasher).
#pragma once

#include <string>

#include "base/secret.hpp"
#include "gateway/identity/hasher.hpp"
#include "gateway/rest/flow.hpp"

namespace maru::gateway::rest {

struct PasswordTry {
  UserId user;         // zero: unknown
  std::string name;    // for the audit trail
  std::string folded;  // names the account
  Secret password;     // clean_password
  std::string hash;    // empty: unknown user, or one without a password; nothing matches
  std::string reason;  // of a failure, for the audit trail
  std::string detail;  // of the kInvalidCredentials that is then answered
};

// What matched. Errors: 429 before its time, 503 when the hasher is full, kInvalidCredentials once
// the failure is durable.
Task<Result<Verification>> try_password(Call& call, PasswordTry tried);

// Hashes a new password of `user` (zero: of nobody yet). Errors: 429, 503.
Task<Result<std::string>> hash_password(Call& call, UserId user, Secret password);

// For the audit trail: of one network the first few of a minute, then their number.
void log_failed_login(const Call& call, std::string_view name, std::string_view reason);

}  // namespace maru::gateway::rest
