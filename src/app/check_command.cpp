#include "app/check_command.hpp"

#include <cstdio>

#include "app/exit_codes.hpp"
#include "storage/sqlite/check.hpp"

namespace maru::app {

int check_command(const Config& config) {
  const sqlite::CheckReport report = sqlite::check_data_directory(config.data_dir);
  switch (report.outcome) {
    case sqlite::CheckOutcome::kLocked:
      std::fprintf(stderr, "maru check: %s\n", report.detail.c_str());
      return kExitInUse;
    case sqlite::CheckOutcome::kNoStore:
      std::fprintf(stderr, "maru check: %s\n", report.detail.c_str());
      return kExitFailure;
    case sqlite::CheckOutcome::kClean:
    case sqlite::CheckOutcome::kFindings:
      break;
  }
  for (const sqlite::CheckFinding& finding : report.findings) {
    std::printf("%s: %s\n", finding.rule.c_str(), finding.detail.c_str());
  }
  std::printf("%lld users, %lld chats, %lld records, %llu findings\n",
              static_cast<long long>(report.users), static_cast<long long>(report.chats),
              static_cast<long long>(report.records),
              static_cast<unsigned long long>(report.findings_total));
  return report.outcome == sqlite::CheckOutcome::kClean ? kExitDone : kExitFailure;
}

}  // namespace maru::app
