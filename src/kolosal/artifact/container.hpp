#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/node.hpp"

namespace kolosal::artifact {

/// Newest format that this build writes and reads. Readers read every version up to their own.
inline constexpr std::uint32_t kFormatVersion = 1;

/// One block of a container as its table lists it.
struct BlockInfo {
  std::string name;  ///< "manifest", "member/0"
  std::string type;  ///< "json", "node"
  std::uint32_t version = 1;
  std::uint64_t offset = 0;  ///< In bytes from the start of the file; a multiple of 64.
  std::uint64_t n_bytes = 0;
  std::uint64_t checksum = 0;  ///< XXH64 of the block.
};

/// Collects blocks and writes them as one file. Arrays are shared with the nodes that were added, not copied.
class ContainerWriter {
 public:
  void add_json(std::string name, const nlohmann::json& json, std::uint32_t version = 1);
  void add_node(std::string name, const Node& node, std::uint32_t version = 1);

  /// The whole file as bytes: the same blocks give the same bytes.
  std::vector<std::byte> bytes() const;
  std::uint64_t n_bytes() const;
  /// Atomic: writes a temporary file beside `path`, fsyncs, renames. On failure the old file stays and
  /// nothing else. durable: as write_file_atomically() has it.
  /// @throws Error kIo naming the path and the reason (permission, disk full, folder missing).
  void write(const std::filesystem::path& path, bool durable = true) const;

 private:
  struct Block {
    BlockInfo info;
    std::vector<std::byte> head;
    std::vector<ArrayBytes> arrays;  ///< behind the head, each at a multiple of 64
  };
  void add(std::string name, std::string type, std::uint32_t version, std::vector<std::byte> head,
           std::vector<ArrayBytes> arrays);
  /// All bytes of the file, piece by piece.
  template <typename Sink>
  void emit(Sink&& sink) const;

  std::vector<Block> blocks_;
};

/// A container file, mapped. Every length, offset and checksum is checked before it is used.
class Container {
 public:
  /// @throws Error kNotFound, kIo; kModel for "not a kolosal model", cut, damaged (which block), or too new
  /// (versions).
  static Container open(const std::filesystem::path& path);
  /// The same from memory that `owner` keeps alive, aligned to 8 bytes at least; `name` is for messages.
  static Container from_memory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                               std::string name);

  std::uint32_t format_version() const { return format_version_; }
  const std::string& engine_version() const { return engine_version_; }
  const std::vector<BlockInfo>& blocks() const { return blocks_; }
  std::uint64_t file_bytes() const { return file_bytes_; }
  bool has(std::string_view name) const;
  /// @throws Error kModel when the block is absent or its version is newer than `max_version`.
  nlohmann::json json(std::string_view name, std::uint32_t max_version = 1) const;
  Node node(std::string_view name, std::uint32_t max_version = 1) const;

 private:
  const BlockInfo& find(std::string_view name, std::string_view type, std::uint32_t max_version) const;

  std::shared_ptr<const void> map_;
  const std::byte* data_ = nullptr;
  std::uint64_t file_bytes_ = 0;
  std::uint32_t format_version_ = 0;
  std::string engine_version_;
  std::string path_;
  std::vector<BlockInfo> blocks_;
};

}  // namespace kolosal::artifact
