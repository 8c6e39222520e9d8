// Which passwords are taken (quality.md 1, row 6): 8 to 128 code points, none of the commonly used
// ones. Pure; any thread.
#pragma once

#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"

namespace maru::gateway::rest {

// How a password is compared: NFC, so that the same keys give the same password on every machine.
// Errors: kValidationFailed with `field`.
Result<Secret> clean_new_password(std::string_view raw, std::string_view user_name,
                                  std::string_view field);
// For a login: what clean_new_password would have made of it; an impossible one is left impossible.
Secret clean_password(std::string_view raw);

// Whether people choose it so often that it is tried first: one of common_passwords(), in any case
// of letters and also with marks in place of letters; a common word or name with digits and marks
// around it or in place of letters; a run of the keyboard; a repetition.
[[nodiscard]] bool is_common_password(std::string_view password, std::string_view user_name);

}  // namespace maru::gateway::rest
