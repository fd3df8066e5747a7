#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// One fuzz target is one source file with these two functions. libFuzzer calls the first (preset `fuzz`);
/// replay.cpp does it with every compiler, for a second, on the seeds and on changed copies of them.
///
/// A kolosal::Error is an ordinary outcome. Any other exception, a crash, or std::abort() is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes);

/// Small valid inputs from which mutations start.
std::vector<std::string> fuzz_seeds();

namespace kolosal {

/// A file in memory, for readers that want a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const;

 private:
  int fd_ = -1;
};

}  // namespace kolosal
