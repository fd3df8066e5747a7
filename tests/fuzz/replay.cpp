// Runs a fuzz target on its seeds and on changed copies of them for about a second, or on given files.
//   fuzz_x                          seeds and mutations; the same ones in every run
//   fuzz_x FILE...                  these inputs, for instance one that libFuzzer has found
//   fuzz_x --write-seeds FOLDER     the seeds as files, to start libFuzzer from
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "fuzz_target.hpp"
#include "kolosal/core/random.hpp"

namespace {

constexpr int kMaxInputs = 20'000;
constexpr double kMaxSeconds = 1;

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

// Bytes changed, repeated, cut out and put in.
std::string mutated(const std::vector<std::string>& seeds, kolosal::Rng& rng) {
  static constexpr std::string_view kPieces[] = {"\"",
                                                 "\"\"",
                                                 ",",
                                                 "\n",
                                                 "\r\n",
                                                 "\r",
                                                 ";",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 ":",
                                                 "\\u",
                                                 "\\",
                                                 "0",
                                                 "-",
                                                 "1e999",
                                                 "99999999999999999999",
                                                 "2024-02-30",
                                                 "NA",
                                                 "\xFF",
                                                 "\xC3",
                                                 "\xEF\xBB\xBF"};
  std::string out = seeds[rng.below(seeds.size())];
  for (std::uint64_t n = 1 + rng.below(6); n > 0; --n) {
    const std::size_t at = out.empty() ? 0 : rng.below(out.size());
    const std::size_t length = std::min<std::size_t>(1 + rng.below(30), out.size() - at);
    switch (rng.below(6)) {
      case 0:
        if (!out.empty()) out[at] = static_cast<char>(rng.below(256));
        break;
      case 1:
        if (!out.empty()) out[at] = static_cast<char>(out[at] ^ (1 << rng.below(8)));
        break;
      case 2:
        out.erase(at, length);
        break;
      case 3:
        out.insert(at, out.substr(at, length));
        break;
      case 4:
        out.insert(at, kPieces[rng.below(std::size(kPieces))]);
        break;
      default: {
        const std::string& other = seeds[rng.below(seeds.size())];
        if (!other.empty()) out.insert(at, other.substr(rng.below(other.size()), 40));
      }
    }
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = fuzz_seeds();
  if (argc == 3 && std::string_view(argv[1]) == "--write-seeds") {
    for (std::size_t i = 0; i < seeds.size(); ++i)
      std::ofstream(std::string(argv[2]) + "/seed" + std::to_string(i), std::ios::binary) << seeds[i];
    return 0;
  }
  for (int i = 1; i < argc; ++i) {
    std::ostringstream content;
    content << std::ifstream(argv[i], std::ios::binary).rdbuf();
    run(content.str());
  }
  if (argc > 1) return 0;
  for (const std::string& seed : seeds) run(seed);
  kolosal::Rng rng(1);
  const auto start = std::chrono::steady_clock::now();
  int n = 0;
  while (n < kMaxInputs &&
         std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < kMaxSeconds) {
    run(mutated(seeds, rng));
    ++n;
  }
  std::printf("%zu seeds and %d mutations\n", seeds.size(), n);
}
