#include "table_outcome.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes) {
  kolosal::check_table("jsonl", data, n_bytes);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {
      " {\"a\": 1, \"b\": \"x\"}\n{\"a\": 2.5e3, \"b\": null}\n{\"b\": \"\\u00e9\\n\\ud83d\\ude00\", \"c\": "
      "true}\n",
      std::string(1, '\x20') + "[{\"a\": {\"b\": [1, 2, {\"c\": 3}]}}, {\"a\": -0.0}]",
      std::string(1, '\x41') +
          "{\"day\": \"2024-01-31\", \"t\": \"2024-01-31T10:00:00Z\"}\n\n{\"day\": \"\"}\n",
      std::string(1, '\x18') + "{}\n{\"a\": 123456789012345678901234567890}\n{\"a\": \"NA\"}\n"};
}
