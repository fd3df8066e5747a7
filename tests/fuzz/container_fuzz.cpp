#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "fuzz_target.hpp"
#include "kolosal/artifact/container.hpp"
#include "kolosal/artifact/node.hpp"
#include "kolosal/core/error.hpp"

using namespace kolosal;

// Opens an artifact and reads every block.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes) {
  // As a mapped file has it: aligned, and no readable byte beyond.
  const std::shared_ptr<void> owner(std::aligned_alloc(64, (n_bytes + 64) / 64 * 64), std::free);
  std::memcpy(owner.get(), data, n_bytes);
  try {
    const auto container = artifact::Container::from_memory(
        {static_cast<const std::byte*>(owner.get()), n_bytes}, owner, "fuzz");
    for (const auto& block : container.blocks()) {
      try {
        (void)container.json(block.name);
      } catch (const Error&) {
      }
      try {
        (void)container.node(block.name);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  artifact::ContainerWriter writer;
  writer.add_json("manifest", {{"task", "binary"}, {"columns", {"a", "b"}}});
  artifact::Node node;
  writer.add_node("state", node);
  const std::vector<std::byte> bytes = writer.bytes();
  return {std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())};
}
