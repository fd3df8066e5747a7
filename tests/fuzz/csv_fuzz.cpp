#include "table_outcome.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes) {
  kolosal::check_table("csv", data, n_bytes);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::string rows = "@id,price,day,note\n";
  for (int i = 0; i < 40; ++i)
    rows += std::to_string(i) + ",-1." + std::to_string(i * 37 % 100) + ",2024-01-" +
            std::to_string(10 + i % 20) +
            (i % 3 == 0   ? ",\"a, \"\"b\"\"\"\n"
             : i % 7 == 0 ? ",\n"
                          : ",plain words\n");
  return {rows,
          std::string(1, '\1') + "a;b\n1,5;x\n2,5;y;z\n\n7\n",
          std::string(1, '\x29') + "a,b\r\n1,\"two\r\nlines\"\r\nNA,x\r\n",
          std::string(1, '\0') + "t,f\ntrue,1e5\nfalse,inf\n,38.13370472996838\n",
          std::string(1, '\x22') + "2024-01-31T10:20:30Z|01/02/2024\n2024-02-01 00:00:00.5|13/02/2024\n",
          std::string(1, '\x08') + "a\n\xC3\xA9\n5\" pipe\nx\"y\n"};
}
