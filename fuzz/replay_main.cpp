// Runs a fuzz target over every file of the directories given, in the order of their names: what
// the tests do with the seeds where libFuzzer is not linked. Fails where a directory is missing or
// has no file, so that a wrong path cannot pass for a clean run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(const char* directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

bool run(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) return false;
  // Exactly as long as the input, so that AddressSanitizer sees a read past its end.
  const auto data = std::make_unique<std::uint8_t[]>(bytes.size());
  std::ranges::copy(bytes, data.get());
  std::fprintf(stderr, "%s (%zu bytes)\n", path.filename().c_str(), bytes.size());
  LLVMFuzzerTestOneInput(data.get(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t done = 0;
  for (int i = 1; i < argc; ++i) {
    const auto files = files_of(argv[i]);
    if (files.empty()) {
      std::fprintf(stderr, "%s: no directory or no files in it\n", argv[i]);
      return 1;
    }
    for (const auto& path : files) {
      if (!run(path)) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return 1;
      }
      ++done;
    }
  }
  std::fprintf(stderr, "%zu inputs\n", done);
  return done == 0 ? 1 : 0;
}
