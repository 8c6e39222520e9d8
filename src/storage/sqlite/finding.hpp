// How the rules of the check report what they find.
#pragma once

#include <functional>
#include <string>

namespace maru::sqlite {

// `rule` is a stable word (check.hpp), `detail` a sentence that names the place.
using ReportFinding = std::function<void(std::string rule, std::string detail)>;

}  // namespace maru::sqlite
