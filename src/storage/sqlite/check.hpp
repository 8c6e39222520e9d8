// `maru check`: reads a stopped server's data directory and says what is wrong with it. Changes no
// data; blocks on the disk for as long as reading everything takes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace maru::sqlite {

enum class CheckOutcome : std::uint8_t {
  kClean,     // every rule holds
  kFindings,  // see findings
  kLocked,    // another process uses the directory: stop it first
  kNoStore,   // no readable store of ours there; `detail` says why
};

struct CheckFinding {
  // integrity, schema, meta, dense, head, text_count, readable, reference, unique, number, total,
  // members, search
  std::string rule;
  std::string detail;  // a sentence
};

struct CheckReport {
  CheckOutcome outcome = CheckOutcome::kClean;
  std::string detail;                  // kLocked, kNoStore: a sentence
  std::vector<CheckFinding> findings;  // the first 100
  std::uint64_t findings_total = 0;
  std::int64_t users = 0;
  std::int64_t chats = 0;
  std::int64_t records = 0;
};

[[nodiscard]] CheckReport check_data_directory(const std::filesystem::path& data_dir);

}  // namespace maru::sqlite
